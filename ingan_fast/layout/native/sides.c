/* Points along a seam: the colours on both sides of it (sides.py), and its steps there (cells.py). */

#include "arrays.h"
#include "cells.h"

typedef struct {
    int64_t height, width, channels, points, compared, least; /* least: the first of the compared places */
    const double *first;
    const int64_t *rows;
} Around;

/* The colours at places around a column of each point, which may lie between pixels. */
#define COLOURS(NAME, TYPE)                                                                                            \
    static void NAME(const Around *a, const TYPE *picture, float scale, float *result)                                 \
    {                                                                                                                  \
        for (int64_t point = 0; point < a->points; point++) {                                                          \
            double whole = floor(a->first[point]);                                                                     \
            float part = (float)(a->first[point] - whole);                                                             \
            const TYPE *row = picture + a->rows[point] * a->width * a->channels;                                       \
            for (int64_t place = 0; place < a->compared; place++) {                                                    \
                int64_t column = (int64_t)whole + a->least + place, next = column + 1, last = a->width - 1;            \
                const TYPE *one = row + (column < 0 ? 0 : column > last ? last : column) * a->channels;                \
                const TYPE *other = row + (next < 0 ? 0 : next > last ? last : next) * a->channels;                    \
                for (int64_t channel = 0; channel < a->channels; channel++) {                                          \
                    float shown = (float)one[channel] * scale;                                                         \
                    *result++ = shown + part * ((float)other[channel] * scale - shown);                                \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

COLOURS(bytes_around, uint8_t)
COLOURS(words_around, uint16_t)
COLOURS(floats_around, float)

PyObject *around(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[4];
    const char *type;
    Py_ssize_t least;
    float scale;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsfOOnO", &objects[0], &type, &scale, &objects[1], &objects[2], &least, &objects[3]))
        return NULL;
    Py_buffer *picture, *first, *rows, *result;
    if (!(picture = take(&arrays, objects[0], type, 3)) || !(first = take(&arrays, objects[1], "d", 1)) ||
        !(rows = take(&arrays, objects[2], "q", 1)) || !(result = take(&arrays, objects[3], "fw", 3)))
        return given_back(&arrays, NULL);
    Around a = {picture->shape[0], picture->shape[1], picture->shape[2], rows->shape[0], result->shape[1], least,
                first->buf, rows->buf};
    int fits = first->shape[0] == a.points && result->shape[0] == a.points && result->shape[2] == a.channels &&
               a.width > 0;
    for (int64_t point = 0; fits && point < a.points; point++)
        fits = a.rows[point] >= 0 && a.rows[point] < a.height;
    if (!fits) {
        unfit("the picture and its points");
        return given_back(&arrays, NULL);
    }
    if (type[0] == 'B')
        bytes_around(&a, picture->buf, scale, result->buf);
    else if (type[0] == 'H')
        words_around(&a, picture->buf, scale, result->buf);
    else
        floats_around(&a, picture->buf, scale, result->buf);
    return given_back(&arrays, NULL);
}

/* The steps at points between the middles of cells, in the middle of their rows of pixels. */
PyObject *steps_at(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[4];
    Py_ssize_t side;
    double start;
    (void)self;
    if (!PyArg_ParseTuple(args, "OndOOO", &objects[0], &side, &start, &objects[1], &objects[2], &objects[3]))
        return NULL;
    Py_buffer *fields, *rows, *columns, *result;
    if (!(fields = take(&arrays, objects[0], "f", 3)) || !(rows = take(&arrays, objects[1], "q", 1)) ||
        !(columns = take(&arrays, objects[2], "d", 1)) || !(result = take(&arrays, objects[3], "fw", 2)))
        return given_back(&arrays, NULL);
    int64_t high = fields->shape[0], wide = fields->shape[1], values = fields->shape[2], points = result->shape[0];
    if (high < 2 || wide < 2 || side < 1 || values != result->shape[1] + 1 || rows->shape[0] != points ||
        columns->shape[0] != points) {
        unfit("the fields and the points");
        return given_back(&arrays, NULL);
    }
    float *to = result->buf, down, right;
    for (int64_t point = 0; point < points; point++) {
        double row = (double)((const int64_t *)rows->buf)[point] + 0.5, column = ((const double *)columns->buf)[point];
        int64_t above = cell_before(row / (double)side - 0.5, high, &down);
        int64_t beside = cell_before((column - start) / (double)side - 0.5, wide, &right);
        const float *cell = (const float *)fields->buf + (above * wide + beside) * values;
        const float *below = cell + wide * values;
        for (int64_t value = 0; value < values - 1; value++)
            *to++ = between_cells(cell[value], cell[values + value], below[value], below[values + value], down, right);
    }
    return given_back(&arrays, NULL);
}
