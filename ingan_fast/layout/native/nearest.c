/* Squared distances to the nearest of many rows (quality/neighbours.py). */

#include "arrays.h"
#include "groups.h"

#include <math.h>

enum { AT_ONCE = 4, LANES = 16 }; /* values between two looks at whether to go on; sums that grow side by side */
enum { LONG = 8 * LANES };        /* values between two such looks where whole rows are compared */

static const float TRUSTED = 0.999f; /* share of a bound that rounding leaves */

static float square(float difference)
{
    return difference * difference;
}

/* How far a value is outside of an interval. */
static float outside(float value, float least, float most)
{
    float below = least - value, above = value - most, distance = below > above ? below : above;
    return distance > 0 ? distance : 0;
}

/* For each of `count` boxes [values, count], a lower bound of the query's distances: that to the box. */
VECTORISED static void bound(const float *query, const float *low, const float *high, int64_t values, int64_t count,
                             float *RESTRICT bounds)
{
    for (int64_t box = 0; box < count; box++)
        bounds[box] = 0;
    for (int64_t value = 0; value < values; value++) {
        const float *least = low + value * count, *most = high + value * count;
        for (int64_t box = 0; box < count; box++) {
            bounds[box] += square(outside(query[value], least[box], most[box]));
        }
    }
}

/* The same for the boxes of a block; stops, and returns 0, once all of them are at least `most` away. */
VECTORISED static int bound_block(const float *query, const float *low, const float *high, int64_t values, float most,
                                  float *RESTRICT bounds)
{
    int near = 1;
    for (int box = 0; box < BLOCK; box++)
        bounds[box] = 0;
    for (int64_t first = 0; near && first < values; first += AT_ONCE) {
        for (int64_t value = first; value < first + AT_ONCE; value++) {
            const float *least = low + value * BLOCK, *highest = high + value * BLOCK;
            for (int box = 0; box < BLOCK; box++) {
                bounds[box] += square(outside(query[value], least[box], highest[box]));
            }
        }
        near = 0;
        for (int box = 0; box < BLOCK; box++)
            near |= bounds[box] < most;
    }
    return near;
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

static float sum_of(const float *sums)
{
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* The distance of two rows, or something that is at least `most`, where the distance is. */
VECTORISED static float differ_whole(const float *query, const float *row, int64_t values, float most)
{
    float sums[LANES] = {0}, rest = 0;
    int64_t first = 0;
    while (first + LONG <= values) {
        for (int64_t end = first + LONG; first < end; first += LANES)
            for (int lane = 0; lane < LANES; lane++)
                sums[lane] += square(row[first + lane] - query[first + lane]);
        float so_far = sum_of(sums); /* sums of squares never decrease, rounded ones neither */
        if (so_far >= most)
            return so_far;
    }
    for (; first + LANES <= values; first += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += square(row[first + lane] - query[first + lane]);
    for (; first < values; first++)
        rest += square(row[first] - query[first]);
    for (int lane = 0; lane < LANES; lane++)
        rest += sums[lane];
    return rest;
}

typedef struct {
    const float *projected, *whole; /* [groups, components, GROUP] and [count, values] */
    const float *low, *high;        /* [blocks, boxed, BLOCK], around groups */
    const int64_t *order;           /* [groups, GROUP], into the rows */
    int64_t components, boxed, values, groups, count;
    float slack;
} Rows;

typedef struct {
    const float *projected, *whole;
    float best;  /* the least distance so far */
    int64_t row; /* the row that is so near, or -1 */
} Query;

/* What bounds of distances are compared with: what is not less than this is not nearer. */
static float most_of(const Rows *rows, const Query *query)
{
    return (query->best + rows->slack) / TRUSTED;
}

static void compare(const Rows *rows, Query *query, int64_t row)
{
    float distance = differ_whole(query->whole, rows->whole + row * rows->values, rows->values, query->best);
    if (distance < query->best) {
        query->best = distance;
        query->row = row;
    }
}

static void look_at_group(const Rows *rows, Query *query, int64_t group)
{
    float distances[GROUP];
    const float *projected = rows->projected + group * rows->components * GROUP;
    if (!differ(query->projected, projected, rows->components, most_of(rows, query), distances))
        return;
    int first = 0;
    for (int row = 1; row < GROUP; row++)
        first = distances[row] < distances[first] ? row : first;
    for (int step = -1; step < GROUP; step++) { /* the most promising one first */
        int row = step < 0 ? first : step;
        if (step != first && distances[row] < most_of(rows, query))
            compare(rows, query, rows->order[group * GROUP + row]);
    }
}

static void look_at_block(const Rows *rows, Query *query, int64_t block)
{
    float bounds[BLOCK];
    int64_t at = block * rows->boxed * BLOCK;
    if (!bound_block(query->projected, rows->low + at, rows->high + at, rows->boxed, most_of(rows, query), bounds))
        return;
    int first = 0;
    for (int group = 1; group < BLOCK; group++)
        first = bounds[group] < bounds[first] ? group : first;
    for (int step = -1; step < BLOCK; step++) {
        int group = step < 0 ? first : step;
        if (step != first && bounds[group] < most_of(rows, query) && block * BLOCK + group < rows->groups)
            look_at_group(rows, query, block * BLOCK + group);
    }
}

/* Find the nearest row. `bounds` are those of the blocks. */
static void search(const Rows *rows, Query *query, const float *bounds, int64_t blocks)
{
    int64_t first = 0;
    for (int64_t block = 1; block < blocks; block++)
        first = bounds[block] < bounds[first] ? block : first;
    for (int64_t step = -1; step < blocks; step++) {
        int64_t block = step < 0 ? first : step;
        if (step != first && bounds[block] < most_of(rows, query))
            look_at_block(rows, query, block);
    }
}

PyObject *nearest(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[10];
    double slack;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOdO", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4],
                          &objects[5], &objects[6], &objects[7], &objects[8], &slack, &objects[9]))
        return NULL;
    Py_buffer *asked, *asked_whole, *projected, *whole, *order, *low, *high, *around[2], *best_;
    if (!(asked = take(&arrays, objects[0], "f", 2)) || !(asked_whole = take(&arrays, objects[1], "f", 2)) ||
        !(projected = take(&arrays, objects[2], "f", 3)) || !(whole = take(&arrays, objects[3], "f", 2)) ||
        !(order = take(&arrays, objects[4], "q", 2)) || !(low = take(&arrays, objects[5], "f", 3)) ||
        !(high = take(&arrays, objects[6], "f", 3)) || !(around[0] = take(&arrays, objects[7], "f", 2)) ||
        !(around[1] = take(&arrays, objects[8], "f", 2)) || !(best_ = take(&arrays, objects[9], "fw", 1)))
        return given_back(&arrays, NULL);
    int64_t count = asked->shape[0], components = asked->shape[1], values = asked_whole->shape[1];
    int64_t groups = projected->shape[0], blocks = (groups + BLOCK - 1) / BLOCK;
    Rows rows = {projected->buf, whole->buf,    low->buf, high->buf, order->buf,      components,
                 low->shape[1],  values,        groups,   whole->shape[0], (float)slack};
    int fits = groups >= 1 && components % AT_ONCE == 0 && rows.boxed <= components && rows.boxed % AT_ONCE == 0 &&
               asked_whole->shape[0] == count && best_->shape[0] == count && projected->shape[1] == components && projected->shape[2] == GROUP &&
               whole->shape[1] == values && order->shape[0] == groups && order->shape[1] == GROUP;
    Py_buffer *boxes[2] = {low, high};
    for (int at = 0; at < 2; at++)
        fits = fits && boxes[at]->shape[0] == blocks && boxes[at]->shape[1] == rows.boxed &&
               boxes[at]->shape[2] == BLOCK && around[at]->shape[0] == rows.boxed && around[at]->shape[1] == blocks;
    for (int64_t at = 0; fits && at < groups * GROUP; at++)
        fits = rows.order[at] >= 0 && rows.order[at] < rows.count;
    if (!fits) {
        unfit("queries and rows");
        return given_back(&arrays, NULL);
    }
    float *bounds = malloc(blocks * sizeof *bounds), *best = best_->buf;
    if (!bounds) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    int64_t row = -1; /* what the query before was nearest to */
    for (int64_t at = 0; at < count; at++) {
        Query query = {(const float *)asked->buf + at * components, (const float *)asked_whole->buf + at * values,
                       best[at], -1};
        /* Queries and rows are in the order of pictures: the row after that one is often the nearest or not far. */
        if (row >= 0)
            compare(&rows, &query, row + 1 < rows.count ? row + 1 : row);
        bound(query.projected, around[0]->buf, around[1]->buf, rows.boxed, blocks, bounds);
        search(&rows, &query, bounds, blocks);
        best[at] = query.best;
        row = query.row;
    }
    Py_END_ALLOW_THREADS
    free(bounds);
    return given_back(&arrays, NULL);
}
