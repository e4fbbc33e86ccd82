/* Pieces of a picture side by side (drawing.py, sliding.py). */

#include "arrays.h"

#include <string.h>

/* Whether all pieces lie in the picture and in the output, which is `count` wide. */
static int lie_inside(const int64_t *places, const int64_t *lengths, int64_t seams, int64_t height, int64_t width,
                      int64_t count)
{
    for (int64_t row = 0; row < height; row++) {
        int64_t start = 0, column = 0;
        for (int64_t seam = 0; seam <= seams; seam++) {
            int64_t end = seam < seams ? places[seam * height + row] : width;
            if (end > start && (start < 0 || end > width || column < 0 || column + end - start > count))
                return 0;
            column += end - start;
            start = seam < seams ? end + lengths[seam] : 0;
        }
    }
    return 1;
}

PyObject *copy_pieces(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[4];
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOO", &objects[0], &objects[1], &objects[2], &objects[3]))
        return NULL;
    Py_buffer *picture, *places, *lengths, *result; /* pictures are bytes [h, w, bytes of a pixel] */
    if (!(picture = take(&arrays, objects[0], "B", 3)) || !(places = take(&arrays, objects[1], "q", 2)) ||
        !(lengths = take(&arrays, objects[2], "q", 1)) || !(result = take(&arrays, objects[3], "Bw", 3)))
        return given_back(&arrays, NULL);
    int64_t height = picture->shape[0], width = picture->shape[1], size = picture->shape[2];
    int64_t seams = lengths->shape[0], count = result->shape[1], shown = width;
    const int64_t *at = places->buf, *longer = lengths->buf;
    for (int64_t seam = 0; seam < seams; seam++)
        shown -= longer[seam];
    if (places->shape[0] != seams || places->shape[1] != height || result->shape[0] != height || count != shown ||
        result->shape[2] != size || !lie_inside(at, longer, seams, height, width, count)) {
        unfit("seams and the picture");
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < height; row++) {
        const char *from = (const char *)picture->buf + row * width * size;
        char *to = (char *)result->buf + row * count * size;
        int64_t start = 0;
        for (int64_t seam = 0; seam <= seams; seam++) {
            int64_t end = seam < seams ? at[seam * height + row] : width;
            if (end > start)
                memcpy(to, from + start * size, (end - start) * size);
            to += (end - start) * size;
            start = seam < seams ? end + longer[seam] : 0;
        }
    }
    Py_END_ALLOW_THREADS
    return given_back(&arrays, NULL);
}

enum { TILE = 32 };

/* Rows and columns exchanged, in tiles that fit the processor's cache; the size of a pixel is known where it is inlined. */
static inline void turn_pixels(const char *from, char *to, int64_t height, int64_t width, int64_t size)
{
    for (int64_t top = 0; top < height; top += TILE)
        for (int64_t left = 0; left < width; left += TILE) {
            int64_t bottom = top + TILE < height ? top + TILE : height;
            int64_t right = left + TILE < width ? left + TILE : width;
            for (int64_t column = left; column < right; column++)
                for (int64_t row = top; row < bottom; row++)
                    memcpy(to + (column * height + row) * size, from + (row * width + column) * size, size);
        }
}

PyObject *turn(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[2];
    (void)self;
    if (!PyArg_ParseTuple(args, "OO", &objects[0], &objects[1]))
        return NULL;
    Py_buffer *picture, *result;
    if (!(picture = take(&arrays, objects[0], "B", 3)) || !(result = take(&arrays, objects[1], "Bw", 3)))
        return given_back(&arrays, NULL);
    int64_t height = picture->shape[0], width = picture->shape[1], size = picture->shape[2];
    if (result->shape[0] != width || result->shape[1] != height || result->shape[2] != size) {
        unfit("the picture and the turned one");
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    if (size == 3)
        turn_pixels(picture->buf, result->buf, height, width, 3);
    else if (size == 6)
        turn_pixels(picture->buf, result->buf, height, width, 6);
    else if (size == 4)
        turn_pixels(picture->buf, result->buf, height, width, 4);
    else if (size == 1)
        turn_pixels(picture->buf, result->buf, height, width, 1);
    else
        turn_pixels(picture->buf, result->buf, height, width, size);
    Py_END_ALLOW_THREADS
    return given_back(&arrays, NULL);
}

/* A piece of a picture in the output, in each row from some column on (sliding.py). */
PyObject *put(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[3];
    Py_ssize_t low;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOnO", &objects[0], &objects[1], &low, &objects[2]))
        return NULL;
    Py_buffer *result, *piece, *first;
    if (!(result = take(&arrays, objects[0], "Bw", 3)) || !(piece = take(&arrays, objects[1], "Bs", 3)) ||
        !(first = take(&arrays, objects[2], "q", 1)))
        return given_back(&arrays, NULL);
    int64_t height = result->shape[0], count = result->shape[1], size = result->shape[2], columns = piece->shape[1];
    if (piece->shape[0] != height || piece->shape[2] != size || first->shape[0] != height || low < 0 ||
        low + columns > count) {
        unfit("the output and the piece");
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < height; row++) {
        int64_t start = ((const int64_t *)first->buf)[row] - low;
        start = start < 0 ? 0 : start;
        if (start < columns)
            memcpy((char *)result->buf + (row * count + low + start) * size,
                   (const char *)piece->buf + row * piece->strides[0] + start * size, (columns - start) * size);
    }
    Py_END_ALLOW_THREADS
    return given_back(&arrays, NULL);
}

enum { TAPS = 6 };

/* Adding and taking away 1.5 * 2^23 rounds to the nearest integer, ties to even, as numpy does. */
#define WHOLE(VALUE) ((VALUE + 12582912.0f) - 12582912.0f)
#define AS_IT_IS(VALUE) (VALUE)

/* Values of a row between pixels, none outside of its two neighbours; `size` is that of a pixel. */
#define BETWEEN(NAME, TYPE, STORED)                                                                                    \
    VECTORISED static void NAME(const TYPE *RESTRICT from, const float *weights, int64_t values, int64_t size,         \
                                TYPE *RESTRICT to)                                                                     \
    {                                                                                                                  \
        const TYPE *from1 = from + size, *before = from1 + size, *after = before + size, *from4 = after + size;        \
        const TYPE *from5 = from4 + size;                                                                              \
        float w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3], w4 = weights[4], w5 = weights[5];    \
        for (int64_t at = 0; at < values; at++) {                                                                      \
            float one = (float)before[at], other = (float)after[at];                                                   \
            float value = w0 * (float)from[at] + w1 * (float)from1[at] + w2 * one + w3 * other +                       \
                          w4 * (float)from4[at] + w5 * (float)from5[at];                                               \
            float least = one < other ? one : other, most = one < other ? other : one;                                 \
            value = value < least ? least : value;                                                                     \
            value = value > most ? most : value;                                                                       \
            to[at] = (TYPE)STORED(value);                                                                              \
        }                                                                                                              \
    }

BETWEEN(bytes_between, uint8_t, (int32_t)WHOLE)
BETWEEN(words_between, uint16_t, (int32_t)WHOLE)
BETWEEN(floats_between, float, AS_IT_IS)

/* Columns between those of a picture (sliding.py). */
PyObject *between(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[3];
    const char *type;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsOO", &objects[0], &type, &objects[1], &objects[2]))
        return NULL;
    char apart[3] = {type[0], 's', 0}, writable[3] = {type[0], 'w', 0};
    Py_buffer *around, *weights, *result;
    if (!(around = take(&arrays, objects[0], apart, 3)) || !(weights = take(&arrays, objects[1], "f", 1)) ||
        !(result = take(&arrays, objects[2], writable, 3)))
        return given_back(&arrays, NULL);
    int64_t height = result->shape[0], count = result->shape[1], size = result->shape[2];
    if (around->shape[0] != height || around->shape[1] != count + TAPS - 1 || around->shape[2] != size ||
        weights->shape[0] != TAPS) {
        unfit("columns and those around them");
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < height; row++) {
        const char *from = (const char *)around->buf + row * around->strides[0];
        char *to = (char *)result->buf + row * count * size * result->itemsize;
        if (type[0] == 'B')
            bytes_between((const uint8_t *)from, weights->buf, count * size, size, (uint8_t *)to);
        else if (type[0] == 'H')
            words_between((const uint16_t *)from, weights->buf, count * size, size, (uint16_t *)to);
        else
            floats_between((const float *)from, weights->buf, count * size, size, (float *)to);
    }
    Py_END_ALLOW_THREADS
    return given_back(&arrays, NULL);
}
