/* Differences of colour at a seam, spread over what lies beside it (cells.py). */

#include "arrays.h"
#include "cells.h"

/* Adding and taking away 1.5 * 2^23 rounds to the nearest integer, ties to even, as numpy does. */
#define STORE(NAME, TYPE)                                                                                              \
    VECTORISED static void NAME(TYPE *RESTRICT values, const float *RESTRICT change, int64_t count, int32_t most)      \
    {                                                                                                                  \
        for (int64_t at = 0; at < count; at++) {                                                                       \
            int32_t changed = (int32_t)(((float)values[at] + change[at] + 12582912.0f) - 12582912.0f);                 \
            changed = changed < 0 ? 0 : changed;                                                                       \
            values[at] = (TYPE)(changed > most ? most : changed);                                                      \
        }                                                                                                              \
    }

STORE(add_to_bytes, uint8_t)
STORE(add_to_words, uint16_t)

/* Add changes to `count` values of a picture from the one with index `from` on. */
static void add(char type, void *picture, int64_t from, const float *change, int64_t count, float most)
{
    if (type == 'B')
        add_to_bytes((uint8_t *)picture + from, change, count, (int32_t)most);
    else if (type == 'H')
        add_to_words((uint16_t *)picture + from, change, count, (int32_t)most);
    else
        for (int64_t value = 0; value < count; value++)
            ((float *)picture)[from + value] += change[value];
}

/* Added to an integer, less than this rounds to nothing; a little less than a half, for sums are rounded, too. */
#define UNCHANGED 0.49f

typedef struct {
    int64_t height, count, channels, rows, cells, values, side, first, size; /* rows, cells: of the fields */
    double start;
    const double *join;  /* [h] */
    const float *fields; /* [rows, cells, values], the last value how much is before */
    float slope, most, least, nearly, nearly_all;
} Shade;

/* What each column needs: the cell whose middle it is after, how far on it is to the next, and all values of these two
   cells in the row of cells above and the one below: [above and next, below and next, values, size]. */
typedef struct {
    int64_t *beside;
    float *right, *around;
} Columns;

static int changes(const Shade *s, const float *cell)
{
    float before = cell[s->values - 1];
    if (!(before > s->nearly && before < s->nearly_all))
        return 0;
    for (int64_t colour = 0; colour < s->values - 1; colour++)
        if (fabsf(cell[colour]) > s->least)
            return 1;
    return 0;
}

/* Columns that change, [low, high); the seam's place is told from `origin` on. */
typedef struct {
    int64_t low, high, origin;
} Span;

/* The most that anything between four cells is changed by: a cell, the next one, and both below. What lies between them
   is before the seam by `least_before` at least, and by `most_before` at most. */
static float most_change(const Shade *s, const float *cell, float least_before, float most_before)
{
    float most = 0, low = 1, high = 0;
    for (int64_t corner = 0; corner < 4; corner++) {
        const float *values = cell + (corner / 2 * s->cells + corner % 2) * s->values;
        for (int64_t colour = 0; colour < s->values - 1; colour++)
            most = fabsf(values[colour]) > most ? fabsf(values[colour]) : most;
        low = values[s->values - 1] < low ? values[s->values - 1] : low;
        high = values[s->values - 1] > high ? values[s->values - 1] : high;
    }
    float before = most_before - low, after = high - least_before;
    return s->most * most * (before > after ? before : after);
}

static int64_t column_at(const Shade *s, double cells, double (*rounded)(double))
{
    double column = rounded(s->start - (double)s->first + cells * (double)s->side);
    return (int64_t)(column < 0 ? 0 : column > (double)s->size ? (double)s->size : column);
}

/* The columns that change between two rows of cells: where either does, as far as the next cell's middle. Integers
   don't where what is added rounds to nothing; the seam lies between `left` and `right` there, px of the output. */
static void find_changing(const Shade *s, int64_t row, int rounds, double left, double right, Span *span)
{
    int64_t begin = 0, end = s->cells;
    const float *one = s->fields + row * s->cells * s->values, *other = one + s->cells * s->values;
    while (begin < end && !changes(s, one + begin * s->values) && !changes(s, other + begin * s->values))
        begin++;
    while (begin < end && !changes(s, one + (end - 1) * s->values) && !changes(s, other + (end - 1) * s->values))
        end--;
    span->origin = span->low = column_at(s, (double)(begin - 1), floor);
    span->high = begin == end ? 0 : column_at(s, (double)(end + 1), ceil);
    if (!rounds || begin == end)
        return;
    double mixed = 0.5 / s->slope + 1, side = (double)s->side;
    int64_t first = begin < 2 ? 0 : begin - 2, last = end < s->cells - 2 ? end : s->cells - 2, from = first, to = last;
    while (from <= last && s->start + ((double)from + 1.5) * side < left - mixed &&
           most_change(s, one + from * s->values, 1, 1) < UNCHANGED)
        from++;
    while (to >= from && s->start + ((double)to + 0.5) * side > right + mixed &&
           most_change(s, one + to * s->values, 0, 0) < UNCHANGED)
        to--;
    span->low = from > first ? column_at(s, (double)from + 0.5, floor) : span->low;
    span->high = to < last ? column_at(s, (double)to + 1.5, ceil) : span->high;
}

/* Repeat the values of two rows of cells for the columns from `low` to `high`. */
static void repeat(const Shade *s, int64_t row, int64_t low, int64_t high, const Columns *columns)
{
    for (int64_t cell = 0; cell < 4; cell++)
        for (int64_t value = 0; value < s->values; value++) {
            const float *from = s->fields + ((row + cell / 2) * s->cells + cell % 2) * s->values + value;
            float *to = columns->around + (cell * s->values + value) * s->size;
            for (int64_t column = low; column < high; column++)
                to[column] = from[columns->beside[column] * s->values];
        }
}

/* A value at a column, where those of its cells are `step` apart. */
static inline float at_column(const float *around, int64_t step, float down, float right)
{
    return between_cells(around[0], around[step], around[2 * step], around[3 * step], down, right);
}

/* What each value of a row gets; numbers of colours and channels are known where inlined. */
static inline void shade_pixels(const Shade *s, float join, float down, const Span *span,
                                const float *RESTRICT around, const float *RESTRICT right, float *RESTRICT change,
                                int64_t colours, int64_t channels)
{
    int64_t size = s->size, step = (colours + 1) * size, low = span->low, high = span->high, origin = span->origin;
    float slope = s->slope, most = s->most;
    for (int64_t column = low; column < high; column++) {
        float is_before = 0.5f + (join - (float)(int32_t)(column - origin) - 0.5f) * slope;
        is_before = is_before < 0 ? 0 : is_before > 1 ? 1 : is_before;
        float side = is_before - at_column(around + colours * size + column, step, down, right[column]);
        for (int64_t colour = 0; colour < colours; colour++)
            change[(column - low) * channels + colour] =
                most * (side * at_column(around + colour * size + column, step, down, right[column]));
        for (int64_t channel = colours; channel < channels; channel++)
            change[(column - low) * channels + channel] = 0;
    }
}

VECTORISED static void shade_row(const Shade *s, float join, float down, const Span *span, const Columns *columns,
                                 float *change)
{
    int64_t colours = s->values - 1;
    if (colours == 3 && s->channels == 3)
        shade_pixels(s, join, down, span, columns->around, columns->right, change, 3, 3);
    else if (colours == 1 && s->channels == 1)
        shade_pixels(s, join, down, span, columns->around, columns->right, change, 1, 1);
    else
        shade_pixels(s, join, down, span, columns->around, columns->right, change, colours, s->channels);
}

static void shade_all(const Shade *s, char type, void *picture, const Columns *columns, float *change)
{
    int64_t known = -1;
    Span span = {0};
    for (int64_t column = 0; column < s->size; column++)
        columns->beside[column] = cell_before(((double)(s->first + column) + 0.5 - s->start) / (double)s->side - 0.5,
                                              s->cells, &columns->right[column]);
    for (int64_t row = 0; row < s->height; row++) {
        float down;
        int64_t above = cell_before(((double)row + 0.5) / (double)s->side - 0.5, s->rows, &down);
        if (above != known) {
            double left = s->join[row], right = left;
            for (int64_t next = row + 1; next < s->height && next <= row + 2 * s->side; next++) {
                left = s->join[next] < left ? s->join[next] : left;
                right = s->join[next] > right ? s->join[next] : right;
            }
            find_changing(s, above, type != 'f', left, right, &span);
            repeat(s, above, span.low, span.high, columns);
            known = above;
        }
        if (span.low >= span.high)
            continue;
        shade_row(s, (float)(s->join[row] - (double)s->first - (double)span.origin), down, &span, columns, change);
        add(type, picture, (row * s->count + s->first + span.low) * s->channels, change,
            (span.high - span.low) * s->channels, s->most);
    }
}

PyObject *shade(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    Shade s = {0};
    PyObject *objects[3];
    const char *type;
    Py_ssize_t side, first, end;
    double nearly;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsOfOndnnffd", &objects[0], &type, &objects[1], &s.slope, &objects[2], &side, &s.start,
                          &first, &end, &s.most, &s.least, &nearly))
        return NULL;
    char writable[3] = {type[0], 'w', 0};
    Py_buffer *result, *join, *fields;
    if (!(result = take(&arrays, objects[0], writable, 3)) || !(join = take(&arrays, objects[1], "d", 1)) ||
        !(fields = take(&arrays, objects[2], "f", 3)))
        return given_back(&arrays, NULL);
    s.height = result->shape[0];
    s.count = result->shape[1];
    s.channels = result->shape[2];
    s.rows = fields->shape[0];
    s.cells = fields->shape[1];
    s.values = fields->shape[2];
    s.side = side;
    s.first = first;
    s.size = end - first;
    s.join = join->buf;
    s.fields = fields->buf;
    s.nearly = (float)nearly;
    s.nearly_all = (float)(1 - nearly);
    if (join->shape[0] != s.height || s.rows < 2 || s.cells < 2 || s.values < 1 || s.values - 1 > s.channels ||
        side < 1 || first < 0 || end < first || end > s.count) {
        unfit("the output and its seam");
        return given_back(&arrays, NULL);
    }
    Columns columns = {malloc((s.size + 1) * sizeof *columns.beside),
                       malloc((s.size * (1 + 4 * s.values + s.channels) + 1) * sizeof *columns.right), NULL};
    columns.around = columns.right + s.size;
    if (columns.beside && columns.right) {
        Py_BEGIN_ALLOW_THREADS
        shade_all(&s, type[0], result->buf, &columns, columns.around + 4 * s.values * s.size);
        Py_END_ALLOW_THREADS
    } else
        PyErr_NoMemory();
    free(columns.beside);
    free(columns.right);
    return given_back(&arrays, NULL);
}

/* Multiply the steps of the cells of each row from `low` to `high` by what `part` has for each of them. */
PyObject *scale_fields(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[4];
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOO", &objects[0], &objects[1], &objects[2], &objects[3]))
        return NULL;
    Py_buffer *fields, *low, *high, *part;
    if (!(fields = take(&arrays, objects[0], "fw", 3)) || !(low = take(&arrays, objects[1], "q", 1)) ||
        !(high = take(&arrays, objects[2], "q", 1)) || !(part = take(&arrays, objects[3], "d", 1)))
        return given_back(&arrays, NULL);
    int64_t rows = fields->shape[0], columns = fields->shape[1], values = fields->shape[2], done = 0;
    const int64_t *from = low->buf, *to = high->buf;
    int fits = low->shape[0] == rows && high->shape[0] == rows && values > 0;
    for (int64_t row = 0; fits && row < rows; done += to[row] - from[row], row++)
        fits = from[row] >= 0 && from[row] <= to[row] && to[row] <= columns;
    if (!fits || done != part->shape[0]) {
        unfit("the fields and their parts");
        return given_back(&arrays, NULL);
    }
    const double *scale = part->buf;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = from[row]; column < to[row]; column++, scale++) {
            float *cell = (float *)fields->buf + (row * columns + column) * values;
            for (int64_t value = 0; value < values - 1; value++)
                cell[value] = (float)(cell[value] * *scale);
        }
    return given_back(&arrays, NULL);
}
