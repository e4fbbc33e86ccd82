/* Where one bent seam costs least between its neighbours (seams.py and paths.py). */

#include "arrays.h"

#include <math.h>
#include <string.h>

static const double OUTSIDE = 1e6; /* paths.OUTSIDE */
enum { MOST_PARTS = 8, ROWS = 4, LANES = 8 };

typedef struct {
    const float *costs; /* [h, stride], or NULL where the seam shows nothing */
    int64_t stride, length;
    float weight;
} Part;

typedef struct {
    int64_t height, width, first, columns, count;
    Part parts[MOST_PARTS]; /* the first one is the whole jump */
    const int64_t *low, *high;
    const double *before; /* [h, width + 1] */
    double *own, *ways, *reached; /* [h, columns] each, and [columns]: */
    double *from_right;
} Window;

/* What the seam shows at each of the window's columns in a row. */
VECTORISED static void look(const Window *window, int64_t row, float *RESTRICT seen)
{
    for (int64_t column = 0; column < window->columns; column++)
        seen[column] = 0;
    for (int64_t at = 0; at < window->count; at++) {
        const Part *part = &window->parts[at];
        int64_t length = part->length < 0 ? -part->length : part->length, shift = part->length < 0 ? length : 0;
        int64_t low = shift - window->first, high = window->width - length + shift - window->first;
        low = low < 0 ? 0 : low > window->columns ? window->columns : low;
        high = high < low ? low : high > window->columns ? window->columns : high;
        for (int64_t column = 0; column < low; column++)
            seen[column] = INFINITY;
        for (int64_t column = high; column < window->columns; column++)
            seen[column] = INFINITY;
        if (!part->costs)
            continue;
        const float *costs = part->costs + row * part->stride + window->first - shift;
        for (int64_t column = low; column < high; column++)
            seen[column] += part->weight * costs[column];
    }
    for (int64_t column = 0; column < window->low[row] - window->first && column < window->columns; column++)
        seen[column] = INFINITY;
    for (int64_t column = window->high[row] - window->first + 1; column < window->columns; column++)
        if (column >= 0)
            seen[column] = INFINITY;
}

/* The costs of all rows: `own` without prices yet, and `reached` used as room for float32. */
VECTORISED static void prepare(const Window *window, int64_t only)
{
    float *seen = (float *)window->reached;
    for (int64_t row = 0; row < window->height; row++) {
        double *own = window->own + row * window->columns;
        look(window, row, seen);
        if (only >= 0 && (row == 0 || row == window->height - 1))
            for (int64_t column = 0; column < window->columns; column++)
                if (column != only)
                    seen[column] = INFINITY;
        for (int64_t column = 0; column < window->columns; column++)
            own[column] = seen[column] < OUTSIDE ? seen[column] : OUTSIDE;
    }
}

VECTORISED static void add_prices(const Window *window)
{
    int64_t length = window->parts[0].length, last = window->width;
    for (int64_t row = 0; row < window->height; row++) {
        double *own = window->own + row * window->columns;
        const double *before = window->before + row * (window->width + 1);
        for (int64_t column = 0; column < window->columns; column++) {
            int64_t here = window->first + column, there = here + length;
            there = there < 0 ? 0 : there > last ? last : there;
            own[column] += before[here] - before[there];
        }
    }
}

/* From row to row: what it costs to pass all columns up to each one. Sums of several rows are added up side by side. */
VECTORISED static void add_up(const Window *window, double sideways)
{
    int64_t columns = window->columns, rows = window->height - 1;
    for (int64_t first = 0; first < rows; first += ROWS) {
        const double *own = window->own + first * columns;
        double *ways = window->ways + first * columns, totals[ROWS] = {0};
        int64_t count = rows - first < ROWS ? rows - first : ROWS;
        if (count == ROWS)
            for (int64_t column = 0; column < columns; column++)
                for (int row = 0; row < ROWS; row++) {
                    const double *cell = own + row * columns + column;
                    ways[row * columns + column] = totals[row] += (cell[0] + cell[columns]) * 0.5 + sideways;
                }
        else
            for (int64_t row = 0; row < count; row++)
                for (int64_t column = 0; column < columns; column++) {
                    const double *cell = own + row * columns + column;
                    ways[row * columns + column] = totals[row] += (cell[0] + cell[columns]) * 0.5 + sideways;
                }
    }
}

/* What it costs to reach each place of a row from the row before: from the left, from the right, and the cheaper one. */
VECTORISED static void reach(const double *RESTRICT before, const double *RESTRICT way, const double *RESTRICT own,
                             double *RESTRICT here, double *RESTRICT from_right, int64_t columns)
{
    double right = INFINITY, left = INFINITY;
    for (int64_t column = 0, back = columns - 1; back >= 0; column++, back--) {
        double going = before[column] - way[column], coming = before[back] + way[back];
        right = going < right ? going : right;
        left = coming < left ? coming : left;
        here[column] = right;
        from_right[back] = left;
    }
    for (int64_t column = 0; column < columns; column++) {
        double going = here[column] + way[column], coming = from_right[column] - way[column];
        here[column] = (coming < going ? coming : going) + own[column];
    }
}

/* The place from which a row was left to reach one of the next row: the first of the cheapest ones. What is farther away
   costs more, so that the search ends where even the row's cheapest place would. */
static int64_t left_from(const double *reached, const double *way, int64_t place, double least, int64_t columns)
{
    double from = way[place], best = reached[place];
    int64_t found = place;
    for (int64_t column = place - 1; column >= 0; column--) {
        double distance = fabs(way[column] - from), cost = reached[column] + distance;
        if (least + distance > best)
            break;
        if (cost <= best) {
            best = cost;
            found = column;
        }
    }
    for (int64_t column = place + 1; column < columns; column++) {
        double distance = fabs(way[column] - from), cost = reached[column] + distance;
        if (least + distance > best)
            break;
        if (cost < best) {
            best = cost;
            found = column;
        }
    }
    return found;
}

VECTORISED static double least_of(const double *values, int64_t count)
{
    double least[LANES];
    for (int lane = 0; lane < LANES; lane++)
        least[lane] = INFINITY;
    int64_t at = 0;
    for (; at + LANES <= count; at += LANES)
        for (int lane = 0; lane < LANES; lane++)
            least[lane] = values[at + lane] < least[lane] ? values[at + lane] : least[lane];
    for (; at < count; at++)
        least[0] = values[at] < least[0] ? values[at] : least[0];
    for (int lane = 1; lane < LANES; lane++)
        least[0] = least[lane] < least[0] ? least[lane] : least[0];
    return least[0];
}

/* The cheapest path's columns [h], as `paths.cheapest_paths` finds them. */
static void cheapest_path(const Window *window, double sideways, int64_t *RESTRICT places)
{
    int64_t columns = window->columns, height = window->height;
    add_up(window, sideways);
    add_prices(window);
    memcpy(window->reached, window->own, columns * sizeof *window->own);
    for (int64_t row = 1; row < height; row++)
        reach(window->reached + (row - 1) * columns, window->ways + (row - 1) * columns, window->own + row * columns,
              window->reached + row * columns, window->from_right, columns);
    const double *reached = window->reached + (height - 1) * columns;
    double least = least_of(reached, columns);
    int64_t place = 0;
    while (place + 1 < columns && reached[place] != least)
        place++;
    places[height - 1] = place;
    for (int64_t row = height - 2; row >= 0; row--) {
        reached = window->reached + row * columns;
        place = left_from(reached, window->ways + row * columns, place, least_of(reached, columns), columns);
        places[row] = place;
    }
}

static int fill(Window *window, Arrays *arrays, PyObject *planes, const Py_buffer *lengths, const Py_buffer *weights)
{
    window->count = PyTuple_Size(planes);
    if (window->count < 1 || window->count > MOST_PARTS || lengths->shape[0] != window->count ||
        weights->shape[0] != window->count)
        return unfit("the parts of a jump");
    for (int64_t at = 0; at < window->count; at++) {
        Part *part = &window->parts[at];
        PyObject *plane = PyTuple_GetItem(planes, at);
        part->length = ((const int64_t *)lengths->buf)[at];
        part->weight = ((const float *)weights->buf)[at];
        part->costs = NULL;
        if (plane == Py_None)
            continue;
        Py_buffer *costs = take(arrays, plane, "f", 2);
        if (!costs)
            return 0;
        if (costs->shape[0] != window->height || costs->shape[1] < window->width - llabs(part->length))
            return unfit("costs and the picture");
        part->costs = costs->buf;
        part->stride = costs->shape[1];
    }
    return 1;
}

PyObject *place_seam(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    Window window = {0};
    PyObject *planes, *objects[6];
    double sideways;
    int closed;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!OOOOOOdp", &PyTuple_Type, &planes, &objects[0], &objects[1], &objects[2],
                          &objects[3], &objects[4], &objects[5], &sideways, &closed))
        return NULL;
    Py_buffer *lengths, *weights, *before, *low, *high, *places;
    if (!(lengths = take(&arrays, objects[0], "q", 1)) || !(weights = take(&arrays, objects[1], "f", 1)) ||
        !(before = take(&arrays, objects[2], "d", 2)) || !(low = take(&arrays, objects[3], "q", 1)) ||
        !(high = take(&arrays, objects[4], "q", 1)) || !(places = take(&arrays, objects[5], "qw", 1)))
        return given_back(&arrays, NULL);
    window.height = before->shape[0];
    window.width = before->shape[1] - 1;
    if (window.width < 1 || low->shape[0] != window.height || high->shape[0] != window.height ||
        places->shape[0] != window.height) {
        unfit("rows");
        return given_back(&arrays, NULL);
    }
    if (!fill(&window, &arrays, planes, lengths, weights))
        return given_back(&arrays, NULL);
    window.before = before->buf;
    window.low = low->buf;
    window.high = high->buf;
    int64_t last = window.high[0], *found = places->buf;
    window.first = window.low[0];
    for (int64_t row = 1; row < window.height; row++) {
        window.first = window.low[row] < window.first ? window.low[row] : window.first;
        last = window.high[row] > last ? window.high[row] : last;
    }
    window.first = window.first < window.width - 1 ? window.first : window.width - 1;
    window.first = window.first < 0 ? 0 : window.first;
    last = last < window.first ? window.first : last < window.width ? last : window.width - 1;
    window.columns = last - window.first + 1;
    int64_t cells = window.height * window.columns, *again = malloc(window.height * sizeof *again);
    double *room = malloc((3 * cells + window.columns) * sizeof *room);
    if (!room || !again) {
        free(room);
        free(again);
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    window.own = room;
    window.ways = room + cells;
    window.reached = room + 2 * cells;
    window.from_right = room + 3 * cells;
    Py_BEGIN_ALLOW_THREADS
    prepare(&window, -1);
    cheapest_path(&window, sideways, found);
    if (closed) {
        int64_t place = window.first + found[0], end = window.height - 1;
        prepare(&window, found[0]);
        cheapest_path(&window, sideways, again);
        if (window.low[0] <= place && place <= window.high[0] && window.low[end] <= place && place <= window.high[end])
            for (int64_t row = 0; row < window.height; row++)
                found[row] = again[row];
    }
    for (int64_t row = 0; row < window.height; row++)
        found[row] += window.first;
    Py_END_ALLOW_THREADS
    free(room);
    free(again);
    return given_back(&arrays, NULL);
}
