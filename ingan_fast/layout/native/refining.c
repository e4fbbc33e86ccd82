/* Seams of a small version of a picture, carried to a larger one (refining.py). */

#include "arrays.h"

#include <math.h>
#include <string.h>

enum { BESIDE = 2, SLOPE = 2, MOST_CHANNELS = 4 };

typedef struct {
    int64_t seams, height, width, channels, around, reach, samples;
    const char *picture;
    char type; /* 'B', 'H' or 'f', as in the buffer protocol */
    const int64_t *places, *lengths, *spread;
    float share_beside, share_around, outside;
    float *before, *after, *wide; /* room for a row's pixels */
} Band;

/* What is seen of a pixel: `pictures.seen`. Columns outside repeat the picture's border. */
static void see(const Band *band, int64_t row, int64_t column, float *RESTRICT pixel)
{
    int64_t channels = band->channels;
    column = column < 0 ? 0 : column >= band->width ? band->width - 1 : column;
    int64_t first = (row * band->width + column) * channels;
    for (int64_t channel = 0; channel < channels; channel++) {
        if (band->type == 'B')
            pixel[channel] = ((const uint8_t *)band->picture)[first + channel] * (float)(1.0 / 255);
        else if (band->type == 'H')
            pixel[channel] = ((const uint16_t *)band->picture)[first + channel] * (float)(1.0 / 65535);
        else
            pixel[channel] = ((const float *)band->picture)[first + channel];
    }
    if (channels == 2 || channels == 4)
        for (int64_t channel = 0; channel < channels - 1; channel++)
            pixel[channel] *= pixel[channels - 1];
}

static float squares(const float *one, const float *other, int64_t channels)
{
    float sum = 0;
    for (int64_t channel = 0; channel < channels; channel++) {
        float difference = one[channel] - other[channel];
        sum += difference * difference;
    }
    return sum;
}

/* What a seam shows in a row at each place near it, for each change of its jump's length; `stride` lies between changes. */
static void look(const Band *band, int64_t seam, int64_t row, float *costs, int64_t stride)
{
    int64_t channels = band->channels, around = band->around, reach = band->reach;
    int64_t place = band->places[seam * band->height + row], after = place + band->lengths[seam];
    int64_t near = 2 * (around + BESIDE), places = 2 * around + 1;
    for (int64_t at = 0; at < near; at++)
        see(band, row, place - around - BESIDE + at, band->before + at * channels);
    for (int64_t at = 0; at < near + 2 * reach; at++)
        see(band, row, after - around - BESIDE - reach + at, band->after + at * channels);
    for (int64_t at = 0; at < band->samples; at++)
        see(band, row, place + band->spread[at], band->wide + at * channels);
    for (int64_t change = 0; change <= 2 * reach; change++, costs += stride) {
        memset(costs, 0, places * sizeof *costs);
        for (int64_t at = 0; at < near; at++) {
            float square = squares(band->before + at * channels, band->after + (at + change) * channels, channels);
            square *= band->share_beside;
            for (int64_t beside = 0; beside < 2 * BESIDE; beside++)
                if (at - beside >= 0 && at - beside < places)
                    costs[at - beside] += square;
        }
        float sum = 0, pixel[MOST_CHANNELS];
        for (int64_t at = 0; at < band->samples; at++) {
            see(band, row, after + band->spread[at] + change - reach, pixel);
            sum += squares(band->wide + at * channels, pixel, channels);
        }
        sum = sum / (float)(band->samples * channels) * band->share_around;
        for (int64_t at = 0; at < places; at++) {
            int64_t here = place + at - around, goes_on = here + band->lengths[seam] + change - reach;
            int is_inside = here >= 0 && here <= band->width && goes_on >= 0 && goes_on <= band->width;
            costs[at] = is_inside ? costs[at] + sum : band->outside;
        }
    }
}

PyObject *band_costs(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    Band band = {0};
    PyObject *objects[5];
    double beside, around;
    const char *type;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsOOOddfO", &objects[0], &type, &objects[1], &objects[2], &objects[3], &beside,
                          &around, &band.outside, &objects[4]))
        return NULL;
    Py_buffer *picture, *places, *lengths, *spread, *result;
    if (!(picture = take(&arrays, objects[0], type, 3)) || !(places = take(&arrays, objects[1], "q", 2)) ||
        !(lengths = take(&arrays, objects[2], "q", 1)) || !(spread = take(&arrays, objects[3], "q", 1)) ||
        !(result = take(&arrays, objects[4], "fw", 4)))
        return given_back(&arrays, NULL);
    band.picture = picture->buf;
    band.type = type[0];
    band.height = picture->shape[0];
    band.width = picture->shape[1];
    band.channels = picture->shape[2];
    band.places = places->buf;
    band.lengths = lengths->buf;
    band.spread = spread->buf;
    band.seams = lengths->shape[0];
    band.samples = spread->shape[0];
    band.share_beside = (float)(beside / (double)(2 * BESIDE * band.channels));
    band.share_around = (float)around;
    band.reach = (result->shape[0] - 1) / 2;
    band.around = (result->shape[3] - 1) / 2;
    if (!strchr("BHf", band.type) || band.channels < 1 || band.channels > MOST_CHANNELS || band.width < 1 ||
        places->shape[0] != band.seams || places->shape[1] != band.height || result->shape[0] != 2 * band.reach + 1 ||
        result->shape[1] != band.seams || result->shape[2] != band.height ||
        result->shape[3] != 2 * band.around + 1) {
        unfit("the picture, seams and bands");
        return given_back(&arrays, NULL);
    }
    int64_t near = 2 * (band.around + BESIDE), cells = 2 * near + 2 * band.reach + band.samples;
    float *room = malloc(cells * band.channels * sizeof *room);
    if (!room) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    band.before = room;
    band.after = room + near * band.channels;
    band.wide = band.after + (near + 2 * band.reach) * band.channels;
    int64_t line = 2 * band.around + 1, stride = band.seams * band.height * line;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t seam = 0; seam < band.seams; seam++)
        for (int64_t row = 0; row < band.height; row++)
            look(&band, seam, row, (float *)result->buf + (seam * band.height + row) * line, stride);
    Py_END_ALLOW_THREADS
    free(room);
    return given_back(&arrays, NULL);
}

/* One row further along the cheapest paths. */
static void go_on(const float *before, const float *row, int64_t places, const float *prices, float *RESTRICT here)
{
    for (int64_t place = 0; place < places; place++) {
        float best = before[place];
        for (int64_t step = 1; step <= SLOPE; step++) {
            float left = place >= step ? before[place - step] + prices[step] : INFINITY;
            float right = place + step < places ? before[place + step] + prices[step] : INFINITY;
            best = left < best ? left : best;
            best = right < best ? right : best;
        }
        here[place] = best + row[place];
    }
}

PyObject *path_costs(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[2];
    double bend;
    (void)self;
    if (!PyArg_ParseTuple(args, "OdO", &objects[0], &bend, &objects[1]))
        return NULL;
    Py_buffer *costs, *result;
    if (!(costs = take(&arrays, objects[0], "f", 4)) || !(result = take(&arrays, objects[1], "fw", 2)))
        return given_back(&arrays, NULL);
    int64_t count = costs->shape[0] * costs->shape[1], height = costs->shape[2], places = costs->shape[3];
    if (result->shape[0] != costs->shape[0] || result->shape[1] != costs->shape[1] || height < 1 || places < 1) {
        unfit("costs and paths");
        return given_back(&arrays, NULL);
    }
    float *room = malloc(2 * places * sizeof *room), prices[SLOPE + 1];
    if (!room) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    for (int step = 0; step <= SLOPE; step++)
        prices[step] = (float)(bend * step);
    Py_BEGIN_ALLOW_THREADS
    for (int64_t at = 0; at < count; at++) {
        const float *rows = (const float *)costs->buf + at * height * places;
        float *so_far = room, *next = room + places, *least = (float *)result->buf + at;
        memcpy(so_far, rows, places * sizeof *rows);
        for (int64_t row = 1; row < height; row++) {
            go_on(so_far, rows + row * places, places, prices, next);
            float *free_one = so_far;
            so_far = next;
            next = free_one;
        }
        *least = so_far[0];
        for (int64_t place = 1; place < places; place++)
            *least = so_far[place] < *least ? so_far[place] : *least;
    }
    Py_END_ALLOW_THREADS
    free(room);
    return given_back(&arrays, NULL);
}

PyObject *paths(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[2];
    double bend;
    (void)self;
    if (!PyArg_ParseTuple(args, "OdO", &objects[0], &bend, &objects[1]))
        return NULL;
    Py_buffer *costs, *result;
    if (!(costs = take(&arrays, objects[0], "f", 3)) || !(result = take(&arrays, objects[1], "qw", 2)))
        return given_back(&arrays, NULL);
    int64_t count = costs->shape[0], height = costs->shape[1], places = costs->shape[2];
    if (result->shape[0] != count || result->shape[1] != height || height < 1 || places < 1) {
        unfit("costs and paths");
        return given_back(&arrays, NULL);
    }
    float *reached = malloc(height * places * sizeof *reached), prices[SLOPE + 1];
    if (!reached) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    for (int step = 0; step <= SLOPE; step++)
        prices[step] = (float)(bend * step);
    Py_BEGIN_ALLOW_THREADS
    for (int64_t at = 0; at < count; at++) {
        const float *rows = (const float *)costs->buf + at * height * places;
        int64_t *found = (int64_t *)result->buf + at * height, place = 0;
        memcpy(reached, rows, places * sizeof *rows);
        for (int64_t row = 1; row < height; row++)
            go_on(reached + (row - 1) * places, rows + row * places, places, prices, reached + row * places);
        const float *last = reached + (height - 1) * places;
        for (int64_t other = 1; other < places; other++)
            place = last[other] < last[place] ? other : place;
        found[height - 1] = place;
        for (int64_t row = height - 2; row >= 0; row--) {
            double least = INFINITY;
            int64_t from = place;
            for (int64_t step = -SLOPE; step <= SLOPE; step++) {
                if (place + step < 0 || place + step >= places)
                    continue;
                double cost = (double)reached[row * places + place + step] + bend * (double)llabs(step);
                if (cost < least) {
                    least = cost;
                    from = place + step;
                }
            }
            found[row] = place = from;
        }
    }
    Py_END_ALLOW_THREADS
    free(reached);
    return given_back(&arrays, NULL);
}
