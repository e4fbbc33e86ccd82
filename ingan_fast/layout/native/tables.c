/* What seams show, for all jumps at all places (seam_costs.py). */

#include "arrays.h"

#include <math.h>
#include <string.h>

enum { BESIDE = 2, AROUND = 12, SLOPE = 2 }; /* as in seam_costs.py, as is the share */

/* One row of `SeamCosts._difference` for a jump; `square` has room for room + 2 BESIDE - 1 columns, `wide` for room + 1. */
VECTORISED static void differ(const float *picture, int64_t plane, int64_t planes, int64_t jump, int64_t room,
                              float share_beside, const double *RESTRICT shares, float *RESTRICT square,
                              float *RESTRICT wide, float *RESTRICT total)
{
    float *middle = square + BESIDE;
    for (int64_t column = 0; column < room; column++)
        middle[column] = 0;
    for (int64_t at = 0; at < planes; at++) {
        const float *pixels = picture + at * plane;
        for (int64_t column = 0; column < room; column++) {
            float difference = pixels[column] - pixels[column + jump];
            middle[column] += difference * difference;
        }
    }
    for (int beside = 0; beside < BESIDE; beside++)
        square[beside] = middle[0];
    for (int beside = 0; beside < BESIDE - 1; beside++)
        middle[room + beside] = middle[room - 1];
    float sum = middle[0];
    wide[0] = 0;
    wide[1] = sum;
    for (int64_t column = 1; column < room; column++)
        wide[column + 1] = sum += middle[column];
    for (int64_t column = 0; column < room; column++) {
        float compared = square[column] + square[column + 1];
        compared += square[column + 2];
        compared += square[column + 3];
        total[column] = compared * share_beside;
    }
    int64_t low = room < AROUND ? room : AROUND, high = room - AROUND > low ? room - AROUND : low;
    for (int64_t column = 0; column < low; column++) {
        int64_t last = column + AROUND < room ? column + AROUND : room;
        total[column] = (float)((double)total[column] + (double)(wide[last] - wide[0]) * shares[column]);
    }
    for (int64_t column = low; column < high; column++)
        total[column] = (float)((double)total[column] +
                                (double)(wide[column + AROUND] - wide[column - AROUND]) * shares[column]);
    for (int64_t column = high; column < room; column++)
        total[column] =
            (float)((double)total[column] + (double)(wide[room] - wide[column - AROUND]) * shares[column]);
}

/* The shares of `AROUND` columns on either side, by how many there are in the picture. */
static void share(double of_all, int64_t planes, int64_t room, double *shares)
{
    for (int64_t column = 0; column < room; column++) {
        int64_t first = column > AROUND ? column - AROUND : 0, last = column + AROUND < room ? column + AROUND : room;
        shares[column] = of_all / (double)((last - first) * planes);
    }
}

PyObject *differences(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[2];
    Py_ssize_t first;
    double around;
    (void)self;
    if (!PyArg_ParseTuple(args, "OndO", &objects[0], &first, &around, &objects[1]))
        return NULL;
    Py_buffer *picture, *result;
    if (!(picture = take(&arrays, objects[0], "f", 3)) || !(result = take(&arrays, objects[1], "fw", 3)))
        return given_back(&arrays, NULL);
    int64_t planes = picture->shape[0], height = picture->shape[1], width = picture->shape[2];
    int64_t jumps = result->shape[0], stride = result->shape[2];
    if (first < 1 || first + jumps > width || result->shape[1] != height || stride < width - first || planes < 1) {
        unfit("the picture and its table");
        return given_back(&arrays, NULL);
    }
    float *square = malloc((2 * width + 2 * BESIDE + 1) * sizeof *square), *wide = square + width + 2 * BESIDE;
    double *shares = malloc(width * sizeof *shares);
    if (!square || !shares) {
        free(square);
        free(shares);
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    float beside = (float)((1 - around) / (double)(2 * BESIDE * planes));
    Py_BEGIN_ALLOW_THREADS
    for (int64_t at = 0; at < jumps; at++) {
        int64_t jump = first + at, room = width - jump;
        share(around, planes, room, shares);
        for (int64_t row = 0; row < height; row++) {
            float *costs = (float *)result->buf + (at * height + row) * stride;
            differ((const float *)picture->buf + row * width, height * width, planes, jump, room, beside, shares,
                   square, wide, costs);
            for (int64_t column = room; column < stride; column++)
                costs[column] = INFINITY;
        }
    }
    Py_END_ALLOW_THREADS
    free(square);
    free(shares);
    return given_back(&arrays, NULL);
}

/* One row further along the cheapest paths; `padded` has SLOPE columns more on each side. */
VECTORISED static void go_on(float *RESTRICT so_far, float *RESTRICT padded, const float *RESTRICT row, int64_t width,
                             float bend, float twice)
{
    memcpy(padded + SLOPE, so_far, width * sizeof *so_far);
    for (int64_t column = 0; column < width; column++) {
        const float *here = padded + column;
        float far = (here[0] < here[4] ? here[0] : here[4]) + twice;
        float near = (here[1] < here[3] ? here[1] : here[3]) + bend;
        float best = here[2] < far ? here[2] : far;
        so_far[column] = (best < near ? best : near) + row[column];
    }
}

PyObject *best_seams(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[2];
    double bend;
    float scale;
    (void)self;
    if (!PyArg_ParseTuple(args, "OdfO", &objects[0], &bend, &scale, &objects[1]))
        return NULL;
    Py_buffer *costs, *result;
    if (!(costs = take(&arrays, objects[0], "f", 3)) || !(result = take(&arrays, objects[1], "fw", 2)))
        return given_back(&arrays, NULL);
    int64_t jumps = costs->shape[0], height = costs->shape[1], width = costs->shape[2], half = height / 2;
    if (result->shape[0] != jumps || result->shape[1] != width || height < 1) {
        unfit("the costs and their seams");
        return given_back(&arrays, NULL);
    }
    float *room = malloc((3 * width + 2 * SLOPE) * sizeof *room);
    if (!room) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    float *down = room, *up = room + width, *padded = room + 2 * width;
    for (int at = 0; at < SLOPE; at++)
        padded[at] = padded[SLOPE + width + at] = INFINITY;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t jump = 0; jump < jumps; jump++) {
        const float *rows = (const float *)costs->buf + jump * height * width, *middle = rows + half * width;
        float *seams = (float *)result->buf + jump * width;
        memcpy(down, rows, width * sizeof *down);
        for (int64_t row = 1; row <= half; row++)
            go_on(down, padded, rows + row * width, width, (float)bend, (float)(bend * 2));
        memcpy(up, rows + (height - 1) * width, width * sizeof *up);
        for (int64_t row = height - 2; row >= half; row--)
            go_on(up, padded, rows + row * width, width, (float)bend, (float)(bend * 2));
        for (int64_t column = 0; column < width; column++)
            seams[column] = (down[column] + up[column] - (isfinite(down[column]) ? middle[column] : 0)) / scale;
    }
    Py_END_ALLOW_THREADS
    free(room);
    return given_back(&arrays, NULL);
}
