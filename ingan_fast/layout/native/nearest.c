/* Squared distances to the nearest of many rows (quality/neighbours.py). */

#include "arrays.h"

#include <math.h>

enum { GROUP = 32 };               /* as in quality/neighbours.py */
enum { AT_ONCE = 4, LANES = 16 }; /* values between two looks at whether to go on; sums that grow side by side */

static const float TRUSTED = 0.999f; /* share of a bound that rounding leaves */

/* For all groups, a lower bound of the query's distances: that to the box around the group's rows. */
VECTORISED static void bound(const float *query, const float *low, const float *high, int64_t values, int64_t groups,
                             float *RESTRICT bounds)
{
    for (int64_t group = 0; group < groups; group++)
        bounds[group] = 0;
    for (int64_t value = 0; value < values; value++) {
        const float *least = low + value * groups, *most = high + value * groups;
        for (int64_t group = 0; group < groups; group++) {
            float below = least[group] - query[value], above = query[value] - most[group];
            float outside = below > above ? below : above;
            outside = outside > 0 ? outside : 0;
            bounds[group] += outside * outside;
        }
    }
}

static float square(float difference)
{
    return difference * difference;
}

/* Distances to a group's rows [values, GROUP]; stops, and returns 0, once all of them are at least `most`. */
VECTORISED static int differ(const float *query, const float *rows, int64_t values, float most,
                             float *RESTRICT distances)
{
    int near = 1;
    for (int row = 0; row < GROUP; row++)
        distances[row] = 0;
    for (int64_t first = 0; near && first < values; first += AT_ONCE) {
        const float *here = rows + first * GROUP, *its = query + first;
        near = 0;
        for (int row = 0; row < GROUP; row++) {
            float sum = square(here[row] - its[0]) + square(here[GROUP + row] - its[1]);
            sum += square(here[2 * GROUP + row] - its[2]) + square(here[3 * GROUP + row] - its[3]);
            distances[row] += sum;
        }
        for (int row = 0; row < GROUP; row++)
            near |= distances[row] < most;
    }
    return near;
}

/* The distance of two rows. */
VECTORISED static float differ_whole(const float *query, const float *row, int64_t values)
{
    float sums[LANES] = {0}, sum = 0;
    int64_t first = 0;
    for (; first + LANES <= values; first += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += square(row[first + lane] - query[first + lane]);
    for (; first < values; first++)
        sum += square(row[first] - query[first]);
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

typedef struct {
    const float *projected, *whole; /* [groups, components, GROUP] and [rows, values] */
    const int64_t *order;           /* [groups, GROUP], into the rows */
    int64_t components, values;
    float slack;
} Rows;

/* The least of `best` and of the distances to a group's rows. */
static float nearer(const Rows *rows, const float *projected, const float *whole, int64_t group, float best)
{
    float distances[GROUP], most = (best + rows->slack) / TRUSTED;
    if (!differ(projected, rows->projected + group * rows->components * GROUP, rows->components, most, distances))
        return best;
    for (int row = 0; row < GROUP; row++)
        if (distances[row] * TRUSTED < best + rows->slack) {
            int64_t place = rows->order[group * GROUP + row];
            float distance = differ_whole(whole, rows->whole + place * rows->values, rows->values);
            best = distance < best ? distance : best;
        }
    return best;
}

PyObject *nearest(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[8];
    double slack;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOdO", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4],
                          &objects[5], &objects[6], &slack, &objects[7]))
        return NULL;
    Py_buffer *asked, *asked_whole, *projected, *whole, *order, *low, *high, *best_;
    if (!(asked = take(&arrays, objects[0], "f", 2)) || !(asked_whole = take(&arrays, objects[1], "f", 2)) ||
        !(projected = take(&arrays, objects[2], "f", 3)) || !(whole = take(&arrays, objects[3], "f", 2)) ||
        !(order = take(&arrays, objects[4], "q", 2)) || !(low = take(&arrays, objects[5], "f", 2)) ||
        !(high = take(&arrays, objects[6], "f", 2)) || !(best_ = take(&arrays, objects[7], "fw", 1)))
        return given_back(&arrays, NULL);
    int64_t count = asked->shape[0], groups = projected->shape[0];
    int64_t components = asked->shape[1], values = asked_whole->shape[1];
    Rows rows = {projected->buf, whole->buf, order->buf, components, values, (float)slack};
    int fits = groups >= 1 && components % AT_ONCE == 0 && asked_whole->shape[0] == count &&
               best_->shape[0] == count && projected->shape[1] == components && projected->shape[2] == GROUP &&
               whole->shape[1] == values && order->shape[0] == groups && order->shape[1] == GROUP;
    Py_buffer *boxes[2] = {low, high};
    for (int at = 0; at < 2; at++)
        fits = fits && boxes[at]->shape[0] == components && boxes[at]->shape[1] == groups;
    for (int64_t at = 0; fits && at < groups * GROUP; at++)
        fits = rows.order[at] >= 0 && rows.order[at] < whole->shape[0];
    if (!fits) {
        unfit("queries and rows");
        return given_back(&arrays, NULL);
    }
    float *bounds = malloc(groups * sizeof *bounds), *best = best_->buf;
    if (!bounds) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t at = 0; at < count; at++) {
        const float *query = (const float *)asked->buf + at * rows.components;
        const float *query_whole = (const float *)asked_whole->buf + at * rows.values;
        bound(query, low->buf, high->buf, rows.components, groups, bounds);
        int64_t first = 0;
        for (int64_t group = 1; group < groups; group++)
            first = bounds[group] < bounds[first] ? group : first;
        /* the most promising group first: then most others need no look */
        float least = best[at];
        for (int64_t step = -1; step < groups; step++) {
            int64_t group = step < 0 ? first : step;
            if (step != first && bounds[group] * TRUSTED < least + rows.slack)
                least = nearer(&rows, query, query_whole, group, least);
        }
        best[at] = least;
    }
    Py_END_ALLOW_THREADS
    free(bounds);
    return given_back(&arrays, NULL);
}
