/* Rows sorted into groups of similar ones, with boxes around them (quality/neighbours.py). */

#include "groups.h"
#include "arrays.h"

#include <math.h>
#include <string.h>

enum { SPLIT_BY = 12, LOOKED_AT = 64 }; /* the first components, one of which splits; rows that decide which */

typedef struct {
    float key;
    int64_t row;
} Keyed;

typedef struct {
    const float *rows; /* [count, values] */
    int64_t values;
    Keyed *keyed;
} Split;

/* The component by which the rows of a part differ most. */
static int64_t widest(const Split *split, int64_t first, int64_t last)
{
    int64_t tried = split->values < SPLIT_BY ? split->values : SPLIT_BY, widest = 0;
    int64_t looked_at = last - first < LOOKED_AT ? last - first : LOOKED_AT;
    double most = -1, sums[SPLIT_BY] = {0}, squares[SPLIT_BY] = {0};
    for (int64_t look = 0; look < looked_at; look++) {
        const float *row = split->rows + split->keyed[first + look * (last - first) / looked_at].row * split->values;
        for (int64_t value = 0; value < tried; value++) {
            sums[value] += row[value];
            squares[value] += (double)row[value] * row[value];
        }
    }
    for (int64_t value = 0; value < tried; value++) {
        double spread = squares[value] - sums[value] * sums[value] / looked_at;
        widest = spread > most ? value : widest;
        most = spread > most ? spread : most;
    }
    return widest;
}

/* Reorder a part such that no key before `middle` is larger than one after it (Hoare's selection). */
static void select_at(Keyed *keyed, int64_t first, int64_t last, int64_t middle)
{
    for (last--; first < last;) {
        float pivot = keyed[first + (last - first) / 2].key;
        int64_t low = first, high = last;
        while (low <= high) {
            while (keyed[low].key < pivot)
                low++;
            while (keyed[high].key > pivot)
                high--;
            if (low <= high) {
                Keyed swapped = keyed[low];
                keyed[low++] = keyed[high];
                keyed[high--] = swapped;
            }
        }
        if (middle <= high)
            last = high;
        else if (middle >= low)
            first = low;
        else
            return;
    }
}

/* Halve a part again and again by the component that differs most: whole blocks while there are several, then groups. */
static void halve(const Split *split, int64_t first, int64_t last)
{
    int64_t unit = last - first > GROUP * BLOCK ? GROUP * BLOCK : GROUP;
    if (last - first <= GROUP)
        return;
    int64_t units = (last - first + unit - 1) / unit, middle = first + units / 2 * unit;
    int64_t value = widest(split, first, last);
    for (int64_t at = first; at < last; at++)
        split->keyed[at].key = split->rows[split->keyed[at].row * split->values + value];
    select_at(split->keyed, first, last, middle);
    halve(split, first, middle);
    halve(split, middle, last);
}

/* Least and largest values of each group [blocks, values, BLOCK] from its rows [groups, values, GROUP]. */
VECTORISED static void bound_groups(const float *rows, int64_t groups, int64_t values, int64_t boxed,
                                     float *low, float *high)
{
    for (int64_t group = 0; group < groups; group++)
        for (int64_t value = 0; value < boxed; value++) {
            const float *here = rows + (group * values + value) * GROUP;
            float least = here[0], most = here[0];
            for (int row = 1; row < GROUP; row++) {
                least = here[row] < least ? here[row] : least;
                most = here[row] > most ? here[row] : most;
            }
            int64_t at = (group / BLOCK * boxed + value) * BLOCK + group % BLOCK;
            low[at] = least;
            high[at] = most;
        }
}

/* The same of each block [values, blocks]; the groups that the last block lacks are at infinity, and don't count. */
static void bound_blocks(const float *low, const float *high, int64_t blocks, int64_t values, int64_t groups,
                         float *low_blocks, float *high_blocks)
{
    for (int64_t block = 0; block < blocks; block++)
        for (int64_t value = 0; value < values; value++) {
            const float *lows = low + (block * values + value) * BLOCK;
            const float *highs = high + (block * values + value) * BLOCK;
            float least = lows[0], most = highs[0];
            for (int64_t group = 1; group < BLOCK && block * BLOCK + group < groups; group++) {
                least = lows[group] < least ? lows[group] : least;
                most = highs[group] > most ? highs[group] : most;
            }
            low_blocks[value * blocks + block] = least;
            high_blocks[value * blocks + block] = most;
        }
}

PyObject *group_rows(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[7];
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOO", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5],
                          &objects[6]))
        return NULL;
    Py_buffer *given, *order_, *rows_, *boxes[2], *around[2];
    if (!(given = take(&arrays, objects[0], "f", 2)) || !(order_ = take(&arrays, objects[1], "qw", 2)) ||
        !(rows_ = take(&arrays, objects[2], "fw", 3)) || !(boxes[0] = take(&arrays, objects[3], "fw", 3)) ||
        !(boxes[1] = take(&arrays, objects[4], "fw", 3)) || !(around[0] = take(&arrays, objects[5], "fw", 2)) ||
        !(around[1] = take(&arrays, objects[6], "fw", 2)))
        return given_back(&arrays, NULL);
    int64_t count = given->shape[0], values = given->shape[1];
    int64_t groups = (count + GROUP - 1) / GROUP, blocks = (groups + BLOCK - 1) / BLOCK;
    int64_t boxed = boxes[0]->shape[1]; /* the first components, which boxes have */
    int fits = count >= 1 && boxed <= values && order_->shape[0] == groups && order_->shape[1] == GROUP &&
               rows_->shape[0] == groups && rows_->shape[1] == values && rows_->shape[2] == GROUP;
    for (int at = 0; at < 2; at++)
        fits = fits && boxes[at]->shape[0] == blocks && boxes[at]->shape[1] == boxed && boxes[at]->shape[2] == BLOCK &&
               around[at]->shape[0] == boxed && around[at]->shape[1] == blocks;
    Split split = {given->buf, values, fits ? malloc(count * sizeof(Keyed)) : NULL};
    if (!split.keyed) {
        if (fits)
            PyErr_NoMemory();
        else
            unfit("rows and groups");
        return given_back(&arrays, NULL);
    }
    int64_t *order = order_->buf;
    float *rows = rows_->buf, *low = boxes[0]->buf, *high = boxes[1]->buf;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < count; row++)
        split.keyed[row].row = row;
    halve(&split, 0, count);
    for (int64_t at = 0; at < groups * GROUP; at++) {
        order[at] = split.keyed[at < count ? at : count - 1].row; /* the last row fills up the last group */
        const float *from = split.rows + order[at] * values;
        float *to = rows + at / GROUP * values * GROUP + at % GROUP;
        for (int64_t value = 0; value < values; value++)
            to[value * GROUP] = from[value];
    }
    for (int64_t at = 0; at < blocks * boxed * BLOCK; at++)
        low[at] = high[at] = INFINITY;
    bound_groups(rows, groups, values, boxed, low, high);
    bound_blocks(low, high, blocks, boxed, groups, around[0]->buf, around[1]->buf);
    Py_END_ALLOW_THREADS
    free(split.keyed);
    return given_back(&arrays, NULL);
}
