/* Differences of colour at a seam, spread over what lies beside it (cells.py). */

#include "arrays.h"

/* Adding and taking away 1.5 * 2^23 rounds to the nearest integer, ties to even, as numpy does. */
#define STORE(NAME, TYPE)                                                                                              \
    VECTORISED static void NAME(TYPE *RESTRICT values, const float *RESTRICT change, int64_t count, float most)        \
    {                                                                                                                  \
        for (int64_t at = 0; at < count; at++) {                                                                       \
            float changed = (float)values[at] + change[at];                                                            \
            changed = changed < 0 ? 0 : changed > most ? most : changed;                                               \
            values[at] = (TYPE)(int32_t)((changed + 12582912.0f) - 12582912.0f);                                       \
        }                                                                                                              \
    }

STORE(add_to_bytes, uint8_t)
STORE(add_to_words, uint16_t)

/* Add changes to `count` values of a picture from the one with index `from` on. */
static void add(char type, void *picture, int64_t from, const float *change, int64_t count, float most)
{
    if (type == 'B')
        add_to_bytes((uint8_t *)picture + from, change, count, most);
    else if (type == 'H')
        add_to_words((uint16_t *)picture + from, change, count, most);
    else
        for (int64_t value = 0; value < count; value++)
            ((float *)picture)[from + value] += change[value];
}

typedef struct {
    int64_t height, count, channels, values, cells, first, size;
    const double *join; /* [h], px from the first of the columns on */
    const int64_t *low, *high, *above, *beside;
    const float *down, *right, *fields; /* fields: [rows of cells, cells, values], the last value how much is before */
    float slope, most;
} Shade;

/* What each value of a row gets from column `low` to `high`; numbers of colours and channels are known where inlined. */
static inline void shade_pixels(const Shade *s, int64_t row, const float *RESTRICT line, float *RESTRICT change,
                                int64_t colours, int64_t channels)
{
    float join = (float)(s->join[row] - (double)s->low[row]);
    for (int64_t column = s->low[row]; column < s->high[row]; column++) {
        const float *left = line + s->beside[column] * (colours + 1), *next = left + colours + 1;
        float part = s->right[column], before = left[colours] + part * (next[colours] - left[colours]);
        float is_before = 0.5f + (join - (float)(int32_t)(column - s->low[row]) - 0.5f) * s->slope;
        is_before = is_before < 0 ? 0 : is_before > 1 ? 1 : is_before;
        float side = is_before - before;
        for (int64_t colour = 0; colour < colours; colour++)
            change[colour] = s->most * (side * (left[colour] + part * (next[colour] - left[colour])));
        for (int64_t channel = colours; channel < channels; channel++)
            change[channel] = 0;
        change += channels;
    }
}

/* The same; `line` has room for the values of a row of cells. */
VECTORISED static void shade_of(const Shade *s, int64_t row, float *RESTRICT line, float *RESTRICT change)
{
    int64_t count = s->cells * s->values, colours = s->values - 1;
    const float *one = s->fields + s->above[row] * count, *other = one + count;
    for (int64_t at = 0; at < count; at++)
        line[at] = one[at] + s->down[row] * (other[at] - one[at]);
    if (colours == 3 && s->channels == 3)
        shade_pixels(s, row, line, change, 3, 3);
    else if (colours == 1 && s->channels == 1)
        shade_pixels(s, row, line, change, 1, 1);
    else
        shade_pixels(s, row, line, change, colours, s->channels);
}

static int shade_fits(const Shade *s, int64_t rows)
{
    int fits = s->cells >= 2 && rows >= 2 && s->values - 1 <= s->channels && s->first >= 0 &&
               s->first + s->size <= s->count;
    for (int64_t row = 0; fits && row < s->height; row++)
        fits = s->low[row] >= 0 && s->high[row] <= s->size && s->above[row] >= 0 && s->above[row] + 2 <= rows;
    for (int64_t column = 0; fits && column < s->size; column++)
        fits = s->beside[column] >= 0 && s->beside[column] + 2 <= s->cells;
    return fits;
}

PyObject *shade(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    Shade s = {0};
    PyObject *objects[9];
    const char *type;
    Py_ssize_t first;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsnOfOOOOOOOf", &objects[0], &type, &first, &objects[1], &s.slope, &objects[2], &objects[3],
                          &objects[4], &objects[5], &objects[6], &objects[7], &objects[8], &s.most))
        return NULL;
    char writable[3] = {type[0], 'w', 0};
    Py_buffer *result, *join, *low, *high, *above, *down, *beside, *right, *fields;
    if (!(result = take(&arrays, objects[0], writable, 3)) || !(join = take(&arrays, objects[1], "d", 1)) ||
        !(low = take(&arrays, objects[2], "q", 1)) || !(high = take(&arrays, objects[3], "q", 1)) ||
        !(above = take(&arrays, objects[4], "q", 1)) || !(down = take(&arrays, objects[5], "f", 1)) ||
        !(beside = take(&arrays, objects[6], "q", 1)) || !(right = take(&arrays, objects[7], "f", 1)) ||
        !(fields = take(&arrays, objects[8], "f", 3)))
        return given_back(&arrays, NULL);
    s.height = result->shape[0];
    s.count = result->shape[1];
    s.channels = result->shape[2];
    s.first = first;
    s.size = beside->shape[0];
    s.cells = fields->shape[1];
    s.values = fields->shape[2];
    s.join = join->buf;
    s.low = low->buf;
    s.high = high->buf;
    s.above = above->buf;
    s.down = down->buf;
    s.beside = beside->buf;
    s.right = right->buf;
    s.fields = fields->buf;
    int same = join->shape[0] == s.height && low->shape[0] == s.height && high->shape[0] == s.height &&
               above->shape[0] == s.height && down->shape[0] == s.height && right->shape[0] == s.size;
    if (!same || !shade_fits(&s, fields->shape[0])) {
        unfit("the output and its seam");
        return given_back(&arrays, NULL);
    }
    float *line = malloc((s.cells * s.values + s.size * s.channels + 1) * sizeof *line);
    if (!line) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    float *change = line + s.cells * s.values;
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < s.height; row++) {
        int64_t from = (row * s.count + s.first + s.low[row]) * s.channels;
        int64_t count = (s.high[row] - s.low[row]) * s.channels;
        if (count <= 0)
            continue;
        shade_of(&s, row, line, change);
        add(type[0], result->buf, from, change, count, s.most);
    }
    Py_END_ALLOW_THREADS
    free(line);
    return given_back(&arrays, NULL);
}
