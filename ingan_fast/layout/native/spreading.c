/* Differences of colour at a seam, spread over what lies beside it (cells.py). */

#include "arrays.h"

#include <math.h>

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

/* The one of `count` cells that a place is after, not the last one; how far on it is into `part`. */
static int64_t cell_before(double place, int64_t count, float *part)
{
    double cell = floor(place);
    cell = cell < 0 ? 0 : cell > (double)(count - 2) ? (double)(count - 2) : cell;
    place -= cell;
    *part = (float)(place < 0 ? 0 : place > 1 ? 1 : place);
    return (int64_t)cell;
}

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

/* The columns that change between two rows of cells: where either does, as far as the next cell's middle. */
static void find_changing(const Shade *s, int64_t row, int64_t *low, int64_t *high)
{
    int64_t begin = 0, end = s->cells;
    const float *one = s->fields + row * s->cells * s->values, *other = one + s->cells * s->values;
    while (begin < end && !changes(s, one + begin * s->values) && !changes(s, other + begin * s->values))
        begin++;
    while (begin < end && !changes(s, one + (end - 1) * s->values) && !changes(s, other + (end - 1) * s->values))
        end--;
    double start = s->start - (double)s->first, size = (double)s->size;
    double left = floor(start + (double)((begin - 1) * s->side)), right = ceil(start + (double)((end + 1) * s->side));
    *low = (int64_t)(left < 0 ? 0 : left > size ? size : left);
    *high = (int64_t)(begin == end || right < 0 ? 0 : right > size ? size : right);
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

/* A value between those of four cells: above, and the next one; below, and the next one. */
static inline float between_cells(float above, float next_above, float below, float next_below, float down, float right)
{
    float left = above + down * (below - above), next = next_above + down * (next_below - next_above);
    return left + right * (next - left);
}

/* The same at a column, where the cells' values are `step` apart. */
static inline float at_column(const float *around, int64_t step, float down, float right)
{
    return between_cells(around[0], around[step], around[2 * step], around[3 * step], down, right);
}

/* What each value of a row gets from column `low` to `high`; numbers of colours and channels are known where inlined. */
static inline void shade_pixels(const Shade *s, float join, float down, int64_t low, int64_t high,
                                const float *RESTRICT around, const float *RESTRICT right, float *RESTRICT change,
                                int64_t colours, int64_t channels)
{
    int64_t size = s->size, step = (colours + 1) * size;
    float slope = s->slope, most = s->most;
    for (int64_t column = low; column < high; column++) {
        float is_before = 0.5f + (join - (float)(int32_t)(column - low) - 0.5f) * slope;
        is_before = is_before < 0 ? 0 : is_before > 1 ? 1 : is_before;
        float side = is_before - at_column(around + colours * size + column, step, down, right[column]);
        for (int64_t colour = 0; colour < colours; colour++)
            change[(column - low) * channels + colour] =
                most * (side * at_column(around + colour * size + column, step, down, right[column]));
        for (int64_t channel = colours; channel < channels; channel++)
            change[(column - low) * channels + channel] = 0;
    }
}

VECTORISED static void shade_row(const Shade *s, float join, float down, int64_t low, int64_t high,
                                 const Columns *columns, float *change)
{
    int64_t colours = s->values - 1;
    if (colours == 3 && s->channels == 3)
        shade_pixels(s, join, down, low, high, columns->around, columns->right, change, 3, 3);
    else if (colours == 1 && s->channels == 1)
        shade_pixels(s, join, down, low, high, columns->around, columns->right, change, 1, 1);
    else
        shade_pixels(s, join, down, low, high, columns->around, columns->right, change, colours, s->channels);
}

static void shade_all(const Shade *s, char type, void *picture, const Columns *columns, float *change)
{
    int64_t low = 0, high = 0, known = -1;
    for (int64_t column = 0; column < s->size; column++)
        columns->beside[column] = cell_before(((double)(s->first + column) + 0.5 - s->start) / (double)s->side - 0.5,
                                              s->cells, &columns->right[column]);
    for (int64_t row = 0; row < s->height; row++) {
        float down;
        int64_t above = cell_before(((double)row + 0.5) / (double)s->side - 0.5, s->rows, &down);
        if (above != known) {
            find_changing(s, above, &low, &high);
            repeat(s, above, low, high, columns);
            known = above;
        }
        if (low >= high)
            continue;
        shade_row(s, (float)(s->join[row] - (double)s->first - (double)low), down, low, high, columns, change);
        add(type, picture, (row * s->count + s->first + low) * s->channels, change, (high - low) * s->channels, s->most);
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
    if (join->shape[0] != s.height || s.rows < 2 || s.cells < 2 || s.values < 1 || s.values - 1 > s.channels || side < 1 ||
        first < 0 || end < first || end > s.count) {
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
        const float *cell = (const float *)fields->buf + (above * wide + beside) * values, *below = cell + wide * values;
        for (int64_t value = 0; value < values - 1; value++)
            *to++ = between_cells(cell[value], cell[values + value], below[value], below[values + value], down, right);
    }
    return given_back(&arrays, NULL);
}
