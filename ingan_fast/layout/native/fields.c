/* The smooth fields of the cells around a seam (cells.py). Only cells near it are looked at: what lies far before it
   has no steps and is all before it, and what lies far behind it has none and is not. */

#include "arrays.h"

#include <math.h>
#include <string.h>

enum { BLUR = 2, TIMES = 3 }; /* as in cells.py */

/* Some columns of each row of cells, [low, high), packed: each cell has `values` values. */
typedef struct {
    int64_t rows, columns, values;
    int64_t *low, *high, *offset;
} Band;

/* The values of column 0 of a row, as if they were there. */
static inline int64_t at(const Band *band, int64_t row)
{
    return (band->offset[row] - band->low[row]) * band->values;
}

static int64_t pack(Band *band)
{
    int64_t count = 0;
    for (int64_t row = 0; row < band->rows; row++) {
        band->offset[row] = count;
        count += band->high[row] - band->low[row];
    }
    return count;
}

static inline int64_t limited(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Columns as far as `rows` rows above and below, and `beside` columns before and after. */
static void widen(const Band *band, int64_t rows, int64_t beside, Band *wide)
{
    for (int64_t row = 0; row < band->rows; row++) {
        int64_t low = band->columns, high = 0, last = limited(row + rows, 0, band->rows - 1);
        for (int64_t near = limited(row - rows, 0, row); near <= last; near++) {
            low = band->low[near] < low ? band->low[near] : low;
            high = band->high[near] > high ? band->high[near] : high;
        }
        wide->low[row] = limited(low - beside, 0, band->columns);
        wide->high[row] = limited(high + beside, 0, band->columns);
    }
}

typedef struct {
    int64_t height, points, kinds, shared, side; /* kinds: values of each point; shared: cells that it is in */
    double start;
    const double *join, *shares; /* [h]; [shared, points] */
    const int64_t *index;        /* [shared, points] */
    const float *each;           /* [points, kinds] */
} Seam;

/* The columns where a seam's points lie, or a cell may be partly before it. */
static void find_content(const Seam *seam, const Band *content)
{
    for (int64_t row = 0; row < content->rows; row++) {
        int64_t first = limited(row * seam->side, 0, seam->height - 1);
        int64_t end = row + 1 < content->rows ? limited(first + seam->side, 0, seam->height - 1) : seam->height;
        content->low[row] = content->columns - 1;
        content->high[row] = 1;
        for (int64_t y = first; y < end || y == first; y++) {
            int64_t through = (int64_t)floor((seam->join[y] - seam->start) / (double)seam->side);
            int64_t low = limited(through - 1, 0, content->columns - 1);
            int64_t high = limited(through + 2, 1, content->columns);
            content->low[row] = low < content->low[row] ? low : content->low[row];
            content->high[row] = high > content->high[row] ? high : content->high[row];
        }
    }
    for (int64_t point = 0; point < seam->shared * seam->points; point++) {
        int64_t row = seam->index[point] / content->columns, column = seam->index[point] % content->columns;
        content->low[row] = column < content->low[row] ? column : content->low[row];
        content->high[row] = column + 1 > content->high[row] ? column + 1 : content->high[row];
    }
}

/* Add each point's values to the cells that it is in; returns the largest sum of weights. */
static double add_points(const Seam *seam, const Band *content, double *sums)
{
    double most = 0;
    for (int64_t point = 0; point < seam->shared * seam->points; point++) {
        int64_t row = seam->index[point] / content->columns, column = seam->index[point] % content->columns;
        double *sum = sums + at(content, row) + column * content->values;
        const float *each = seam->each + point % seam->points * seam->kinds;
        for (int64_t kind = 0; kind < seam->kinds; kind++)
            sum[kind] += (double)each[kind] * seam->shares[point];
        most = sum[seam->kinds - 1] > most ? sum[seam->kinds - 1] : most;
    }
    return most;
}

/* How much of each cell is before the seam. */
static void add_parts(const Seam *seam, const Band *content, double *sums)
{
    double side = (double)seam->side;
    for (int64_t row = 0; row < content->rows; row++) {
        int64_t first = limited(row * seam->side, 0, seam->height - 1);
        int64_t end = row + 1 < content->rows ? limited(first + seam->side, 0, seam->height - 1) : seam->height;
        end = end > first ? end : first + 1;
        for (int64_t column = content->low[row]; column < content->high[row]; column++) {
            double sum = 0;
            for (int64_t y = first; y < end; y++) {
                double part = (seam->join[y] - seam->start - (double)(column * seam->side)) / side;
                sum += part < 0 ? 0 : part > 1 ? 1 : part;
            }
            sums[at(content, row) + column * content->values + seam->kinds] = sum / (double)(end - first);
        }
    }
}

/* Cells of a row from `low` to `high` that lie before (1) or after (0) all that is known. */
static void fill(float *row, int64_t low, int64_t high, int64_t values, float before)
{
    if (low < high)
        memset(row + low * values, 0, (high - low) * values * sizeof *row);
    for (int64_t column = low; before > 0 && column < high; column++)
        row[column * values + values - 1] = before;
}

VECTORISED static void mean_of(const float *one, const float *two, const float *three, const float *four,
                               const float *five, int64_t count, float *RESTRICT result)
{
    for (int64_t value = 0; value < count; value++)
        result[value] = (one[value] + two[value] + three[value] + four[value] + five[value]) / 5.0f;
}

/* Running means down; `wide` is what `from` has, `deep` what may change in it. */
static void soften_down(const Band *wide, const Band *deep, const float *from, float *to)
{
    const float *rows[2 * BLUR + 1];
    for (int64_t row = 0; row < wide->rows; row++) {
        int64_t first = deep->low[row] * wide->values;
        for (int64_t near = -BLUR; near <= BLUR; near++)
            rows[near + BLUR] = from + at(wide, limited(row + near, 0, wide->rows - 1)) + first;
        mean_of(rows[0], rows[1], rows[2], rows[3], rows[4], (deep->high[row] - deep->low[row]) * wide->values,
                to + at(wide, row) + first);
    }
}

/* Running means across, of `count` cells of a row; beyond it both of its ends go on. `padded` has room for them. */
static void soften_across(float *row, int64_t count, int64_t values, float *padded)
{
    for (int64_t time = 0; time < TIMES; time++) {
        memcpy(padded + BLUR * values, row, count * values * sizeof *row);
        for (int64_t beside = 0; beside < BLUR; beside++) {
            memcpy(padded + beside * values, row, values * sizeof *row);
            memcpy(padded + (BLUR + count + beside) * values, row + (count - 1) * values, values * sizeof *row);
        }
        mean_of(padded, padded + values, padded + 2 * values, padded + 3 * values, padded + 4 * values, count * values,
                row);
    }
}

/* A row's mean steps, the largest of each cell's, and how even they are; `row` has sums of cells. */
static void mean_steps(const float *row, int64_t count, int64_t colours, float least, float *fields, double *largest,
                       float *evenness)
{
    for (int64_t cell = 0; cell < count; cell++, row += colours + 3, fields += colours + 1) {
        float weight = row[colours + 1] > least ? row[colours + 1] : least, squares = 0, most = 0;
        for (int64_t colour = 0; colour < colours; colour++) {
            fields[colour] = row[colour] / weight;
            most = fabsf(fields[colour]) > most ? fabsf(fields[colour]) : most;
            squares += fields[colour] * fields[colour];
        }
        fields[colours] = row[colours + 2];
        largest[cell] = most;
        float all = row[colours] / weight;
        evenness[cell] = squares / (float)colours / (all > 1e-12f ? all : 1e-12f);
    }
}

typedef struct {
    int64_t colours;
    float *fields; /* [rows, columns, colours + 1] */
    double *largest;
    float *evenness;
} Results;

/* Where sums are, what means down and means across of them change, and what these are made of. */
typedef struct {
    const Band *content, *deep, *changed, *wide;
} Bands;

/* Returns how many cells have been given a `largest` and `evenness`: those of `changed`.
   `sums` is zero; `values` and `others` have room for `wide`, and the second one for a row of cells besides. */
static int64_t make_fields(const Seam *seam, Bands bands, const Results *results, double *sums, float *values,
                           float *others)
{
    const Band *content = bands.content, *deep = bands.deep, *changed = bands.changed, *wide = bands.wide;
    int64_t size = wide->values, columns = wide->columns, last = wide->rows - 1, count = 0, done = 0;
    float *padded = others + (wide->offset[last] + wide->high[last] - wide->low[last]) * size;
    float least = (float)(1e-9 * add_points(seam, content, sums));
    add_parts(seam, content, sums);
    for (int64_t row = 0; row < wide->rows; row++) {
        float *one = values + at(wide, row), *other = others + at(wide, row);
        fill(one, wide->low[row], content->low[row], size, 1);
        fill(one, content->high[row], wide->high[row], size, 0);
        for (int64_t value = content->low[row] * size; value < content->high[row] * size; value++)
            one[value] = (float)sums[at(content, row) + value];
        fill(other, wide->low[row], deep->low[row], size, 1);
        fill(other, deep->high[row], wide->high[row], size, 0);
    }
    for (int64_t time = 0; time < TIMES; time++)
        soften_down(wide, deep, time % 2 ? others : values, time % 2 ? values : others);
    for (int64_t row = 0; row < wide->rows; row++, done += count) {
        int64_t low = changed->low[row], high = changed->high[row], stride = results->colours + 1;
        float *fields = results->fields + row * columns * stride;
        soften_across(others + at(wide, row) + wide->low[row] * size, wide->high[row] - wide->low[row], size, padded);
        fill(fields, 0, low, stride, 1);
        fill(fields, high, columns, stride, 0);
        count = high - low;
        mean_steps(others + at(wide, row) + low * size, count, results->colours, least, fields + low * stride,
                   results->largest + done, results->evenness + done);
    }
    return done;
}

static int seam_fits(const Seam *seam, int64_t cells)
{
    int fits = seam->height > 0 && seam->side > 0;
    for (int64_t point = 0; fits && point < seam->shared * seam->points; point++)
        fits = seam->index[point] >= 0 && seam->index[point] < cells;
    return fits;
}

PyObject *mean_fields(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[9];
    Py_ssize_t side;
    Seam seam = {0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OndOOOOOOOO", &objects[0], &side, &seam.start, &objects[1], &objects[2], &objects[3],
                          &objects[4], &objects[5], &objects[6], &objects[7], &objects[8]))
        return NULL;
    Py_buffer *join, *index, *shares, *each, *fields, *low, *high, *largest, *evenness;
    if (!(join = take(&arrays, objects[0], "d", 1)) || !(index = take(&arrays, objects[1], "q", 2)) ||
        !(shares = take(&arrays, objects[2], "d", 2)) || !(each = take(&arrays, objects[3], "f", 2)) ||
        !(fields = take(&arrays, objects[4], "fw", 3)) || !(low = take(&arrays, objects[5], "qw", 1)) ||
        !(high = take(&arrays, objects[6], "qw", 1)) || !(largest = take(&arrays, objects[7], "dw", 1)) ||
        !(evenness = take(&arrays, objects[8], "fw", 1)))
        return given_back(&arrays, NULL);
    seam.height = join->shape[0];
    seam.shared = index->shape[0];
    seam.points = index->shape[1];
    seam.kinds = each->shape[1];
    seam.side = side;
    seam.join = join->buf;
    seam.index = index->buf;
    seam.shares = shares->buf;
    seam.each = each->buf;
    int64_t rows = fields->shape[0], columns = fields->shape[1], size = seam.kinds + 1;
    int same = shares->shape[0] == seam.shared && shares->shape[1] == seam.points && each->shape[0] == seam.points &&
               seam.kinds > 2 && fields->shape[2] == seam.kinds - 1 && low->shape[0] == rows &&
               high->shape[0] == rows && largest->shape[0] == rows * columns && evenness->shape[0] == rows * columns;
    if (!same || rows < 1 || columns < 1 || !seam_fits(&seam, rows * columns)) {
        unfit("the cells and their seam");
        return given_back(&arrays, NULL);
    }
    Results results = {seam.kinds - 2, fields->buf, largest->buf, evenness->buf};
    int64_t *places = malloc(8 * rows * sizeof *places);
    if (!places) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    Band content = {rows, columns, size, places, places + rows, places + 2 * rows};
    Band wide = {rows, columns, size, places + 3 * rows, places + 4 * rows, places + 5 * rows};
    Band deep = {rows, columns, size, places + 6 * rows, places + 7 * rows, NULL};
    Band changed = {rows, columns, size, low->buf, high->buf, NULL};
    find_content(&seam, &content);
    widen(&content, BLUR * TIMES, 0, &deep);
    widen(&content, BLUR * TIMES, BLUR * TIMES, &changed);
    widen(&content, BLUR * (TIMES + 1), BLUR * TIMES, &wide);
    int64_t room = pack(&wide) * size, count = 0;
    double *sums = calloc(pack(&content) * size, sizeof *sums);
    float *values = malloc((2 * room + (columns + 2 * BLUR) * size) * sizeof *values);
    if (sums && values) {
        Py_BEGIN_ALLOW_THREADS
        count = make_fields(&seam, (Bands){&content, &deep, &changed, &wide}, &results, sums, values, values + room);
        Py_END_ALLOW_THREADS
    } else
        PyErr_NoMemory();
    free(places);
    free(sums);
    free(values);
    return given_back(&arrays, PyLong_FromLongLong(count));
}
