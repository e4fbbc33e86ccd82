/* How often colours are shown, and what it costs to show them (frequency.py). */

#include "arrays.h"

/* How often each level is shown: those of the whole picture, less what jumps leave out, and what they repeat besides. */
static void count(const uint8_t *levels, int64_t pixels, int64_t channels, int32_t *RESTRICT found)
{
    int64_t pixel = 0; /* two tables in turn: counting the same level again right away would have to wait */
    for (; pixel + 1 < pixels; pixel += 2, levels += 2 * channels)
        for (int64_t channel = 0; channel < channels; channel++) {
            found[512 * channel + levels[channel]]++;
            found[512 * channel + 256 + levels[channels + channel]]++;
        }
    if (pixel < pixels)
        for (int64_t channel = 0; channel < channels; channel++)
            found[512 * channel + levels[channel]]++;
}

PyObject *count_levels(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[4];
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOO", &objects[0], &objects[1], &objects[2], &objects[3]))
        return NULL;
    Py_buffer *levels, *places, *lengths, *counts;
    if (!(levels = take(&arrays, objects[0], "B", 3)) || !(places = take(&arrays, objects[1], "q", 2)) ||
        !(lengths = take(&arrays, objects[2], "q", 1)) || !(counts = take(&arrays, objects[3], "qw", 2)))
        return given_back(&arrays, NULL);
    int64_t height = levels->shape[0], width = levels->shape[1], channels = levels->shape[2];
    int64_t seams = lengths->shape[0], kinds = counts->shape[1], *result = counts->buf;
    const int64_t *at = places->buf, *longer = lengths->buf;
    int inside = places->shape[0] == seams && places->shape[1] == height && counts->shape[0] == channels;
    for (int64_t cell = 0; inside && cell < seams * height; cell++) {
        int64_t end = at[cell] + longer[cell / height];
        inside = at[cell] >= 0 && at[cell] <= width && end >= 0 && end <= width;
    }
    if (!inside || kinds > 256) {
        unfit("seams and levels");
        return given_back(&arrays, NULL);
    }
    int32_t *room = calloc(2 * 512 * channels, sizeof *room), *more = room + 512 * channels;
    if (!room) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t seam = 0; seam < seams; seam++) {
        int64_t length = longer[seam];
        for (int64_t row = 0; row < height; row++) {
            int64_t first = at[seam * height + row] + (length < 0 ? length : 0);
            const uint8_t *pixels = (const uint8_t *)levels->buf + (row * width + first) * channels;
            count(pixels, length < 0 ? -length : length, channels, length < 0 ? more : room);
        }
    }
    for (int64_t channel = 0; channel < channels; channel++)
        for (int64_t kind = 0; kind < kinds; kind++) {
            int64_t cell = 512 * channel + kind;
            result[channel * kinds + kind] += more[cell] + more[cell + 256] - room[cell] - room[cell + 256];
        }
    Py_END_ALLOW_THREADS
    free(room);
    return given_back(&arrays, NULL);
}

/* Running sums of what it costs to show pixels: [h, w + 1] of levels [h, w, channels] and the price of each level. */
PyObject *shown_before(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[4];
    float count;
    double typical;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOfOdO", &objects[0], &objects[1], &count, &objects[2], &typical, &objects[3]))
        return NULL;
    Py_buffer *levels, *tables, *besides = NULL, *result;
    if (!(levels = take(&arrays, objects[0], "B", 3)) || !(tables = take(&arrays, objects[1], "f", 2)) ||
        (objects[2] != Py_None && !(besides = take(&arrays, objects[2], "f", 2))) ||
        !(result = take(&arrays, objects[3], "dw", 2)))
        return given_back(&arrays, NULL);
    int64_t height = levels->shape[0], width = levels->shape[1], channels = levels->shape[2];
    if (tables->shape[0] != channels || tables->shape[1] != 256 || result->shape[0] != height ||
        result->shape[1] != width + 1 || (besides && (besides->shape[0] != height || besides->shape[1] != width))) {
        unfit("levels and prices");
        return given_back(&arrays, NULL);
    }
    const float *prices = tables->buf;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < height; row++) {
        const uint8_t *line = (const uint8_t *)levels->buf + row * width * channels;
        double *before = (double *)result->buf + row * (width + 1), total = 0;
        before[0] = 0;
        for (int64_t column = 0; column < width; column++) {
            float price = prices[line[column * channels]];
            for (int64_t channel = 1; channel < channels; channel++)
                price += prices[256 * channel + line[column * channels + channel]];
            price /= count;
            if (besides)
                price += ((const float *)besides->buf)[row * width + column];
            total += price;
            before[column + 1] = typical * total;
        }
    }
    Py_END_ALLOW_THREADS
    return given_back(&arrays, NULL);
}
