/* Running means of a grid of cells, down and across (shading.py). */

#include "arrays.h"

#include <string.h>

typedef struct {
    int64_t rows, columns, values, reach;
} Grid;

/* The mean of `count` rows of values, `step` apart, into `result`: [length]. Sums are in order, as numpy makes them. */
VECTORISED static void mean_of(const float *rows, int64_t count, int64_t step, int64_t length, float *RESTRICT result)
{
    memcpy(result, rows, length * sizeof *result);
    for (int64_t row = 1; row < count; row++)
        for (int64_t at = 0; at < length; at++)
            result[at] += rows[row * step + at];
    for (int64_t at = 0; at < length; at++)
        result[at] /= (float)count;
}

/* Copy `count` items of `size` values, and repeat the first and the last one `reach` times beside them. */
static void pad(const float *items, int64_t count, int64_t size, int64_t reach, float *padded)
{
    memcpy(padded + reach * size, items, count * size * sizeof *padded);
    for (int64_t beside = 0; beside < reach; beside++) {
        memcpy(padded + beside * size, items, size * sizeof *padded);
        memcpy(padded + (reach + count + beside) * size, items + (count - 1) * size, size * sizeof *padded);
    }
}

static void soften_grid(const Grid *grid, int64_t times, float *cells, float *padded)
{
    int64_t size = grid->columns * grid->values, wide = 2 * grid->reach + 1;
    for (int64_t time = 0; time < times; time++) {
        pad(cells, grid->rows, size, grid->reach, padded);
        for (int64_t row = 0; row < grid->rows; row++)
            mean_of(padded + row * size, wide, size, size, cells + row * size);
    }
    for (int64_t row = 0; row < grid->rows; row++)
        for (int64_t time = 0; time < times; time++) {
            pad(cells + row * size, grid->columns, grid->values, grid->reach, padded);
            mean_of(padded, wide, grid->values, size, cells + row * size);
        }
}

PyObject *soften(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *object;
    Py_ssize_t reach, times;
    (void)self;
    if (!PyArg_ParseTuple(args, "Onn", &object, &reach, &times))
        return NULL;
    Py_buffer *cells = take(&arrays, object, "fw", 3);
    if (!cells)
        return given_back(&arrays, NULL);
    Grid grid = {cells->shape[0], cells->shape[1], cells->shape[2], reach};
    if (!grid.rows || !grid.columns || !grid.values || reach < 0 || times < 0) {
        unfit("the cells and their reach");
        return given_back(&arrays, NULL);
    }
    int64_t longest = grid.rows > grid.columns ? grid.rows : grid.columns;
    float *padded = malloc((longest + 2 * reach) * (grid.columns + 1) * grid.values * sizeof *padded);
    if (!padded) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    soften_grid(&grid, times, cells->buf, padded);
    Py_END_ALLOW_THREADS
    free(padded);
    return given_back(&arrays, NULL);
}
