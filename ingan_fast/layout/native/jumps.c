/* The best jumps by dynamic programming (jumps.py). */

#include "arrays.h"

#include <math.h>

enum { MOST_TABLES = 8, BLOCK = 64 };

typedef struct {
    int64_t count, width, starts, places, run, place_every;
    const int64_t *begins;
    const float *tables[MOST_TABLES]; /* [places, width] each */
    const int64_t *turns;             /* the table of each start */
    const float *shown;               /* [count, width] */
    const float *begin, *end;         /* [width + 1], what it costs to begin with a column, and to end before it */
    float *along, *cheapest;          /* [count + width + 1], by diagonal */
    float *reached;                   /* [starts, places] */
    float *landed;                    /* [starts, width] */
} Search;

/* The cheapest jump to each column: the minima of each column over all places of the table and what it cost to get there. */
VECTORISED static void jump(const float *RESTRICT table, const float *RESTRICT reached, int64_t places, int64_t width,
                            float *RESTRICT landed)
{
    for (int64_t first = 0; first < width; first += BLOCK) {
        float best[BLOCK];
        int64_t size = width - first < BLOCK ? width - first : BLOCK;
        for (int column = 0; column < BLOCK; column++)
            best[column] = INFINITY;
        for (int64_t place = 0; place < places; place++) {
            const float *costs = table + place * width + first;
            float so_far = reached[place];
            if (so_far == INFINITY)
                continue;
            if (size == BLOCK)
                for (int column = 0; column < BLOCK; column++) {
                    float cost = costs[column] + so_far;
                    best[column] = cost < best[column] ? cost : best[column];
                }
            else
                for (int64_t column = 0; column < size; column++) {
                    float cost = costs[column] + so_far;
                    best[column] = cost < best[column] ? cost : best[column];
                }
        }
        for (int64_t column = 0; column < size; column++)
            landed[first + column] = best[column];
    }
}

/* Add what an output column costs to the diagonals that it lies on. */
VECTORISED static void sum(Search *s, int64_t output)
{
    float *along = s->along + s->count - output;
    const float *shown = s->shown + output * s->width;
    for (int64_t column = 0; column < s->width; column++)
        along[column] += shown[column];
}

/* Let the jumps of a start be gone on from. */
VECTORISED static void merge(Search *s, int64_t at)
{
    float *cheapest = s->cheapest + s->count - s->begins[at];
    const float *landed = s->landed + at * s->width;
    for (int64_t column = 0; column < s->width - s->run + 1; column++)
        cheapest[column] = landed[column] < cheapest[column] ? landed[column] : cheapest[column];
}

/* All ways; the column before which the cheapest of them ends. */
VECTORISED static int64_t search(Search *s)
{
    int64_t merged = 0, summed = 0, diagonals = s->count + s->width + 1;
    for (int64_t d = 0; d < diagonals; d++) {
        s->along[d] = 0;
        s->cheapest[d] = d < s->count ? INFINITY : s->begin[d - s->count];
    }
    for (int64_t at = 0; at < s->starts; at++) {
        int64_t start = s->begins[at];
        for (; summed < start; summed++)
            sum(s, summed);
        for (; s->begins[merged] + s->run <= start; merged++)
            merge(s, merged);
        const float *along = s->along + s->count - start, *cheapest = s->cheapest + s->count - start;
        float *reached = s->reached + at * s->places, *landed = s->landed + at * s->width;
        for (int64_t place = 0; place < s->places; place++)
            reached[place] = cheapest[place * s->place_every] + along[place * s->place_every];
        jump(s->tables[s->turns[at]], reached, s->places, s->width, landed);
        for (int64_t column = 0; column < s->width; column++)
            landed[column] -= along[column];
    }
    for (; summed < s->count; summed++)
        sum(s, summed);
    for (; merged < s->starts; merged++)
        merge(s, merged);
    int64_t best = s->width;
    float least = INFINITY;
    for (int64_t end = s->width; end >= 0; end--) {
        float cost = s->cheapest[end] + s->along[end] + s->end[end];
        if (cost < least) {
            least = cost;
            best = end;
        }
    }
    return best;
}

static int64_t add(int64_t *jumps, int64_t found, int64_t place, int64_t length)
{
    jumps[2 * found] = place;
    jumps[2 * found + 1] = length;
    return found + 1;
}

/* The jumps of the cheapest way, from its end back: how many there are; [.., 0] is their place, [.., 1] their length. */
static int64_t trace(const Search *s, int64_t end, int64_t *jumps)
{
    int64_t diagonal = end - s->count, column = s->count, found = 0;
    if (end < s->width)
        found = add(jumps, found, end, s->width - end);
    for (;;) {
        int64_t best = -1;
        float least = INFINITY;
        for (int64_t at = 0; at < s->starts && s->begins[at] <= column - s->run; at++) {
            int64_t landing = s->begins[at] + diagonal;
            if (landing < 0 || landing > s->width - s->run)
                continue;
            float cost = s->landed[at * s->width + landing];
            if (best < 0 || cost < least) {
                least = cost;
                best = at;
            }
        }
        float begun = diagonal >= 0 ? s->begin[diagonal] : INFINITY;
        if (best < 0 || begun <= least)
            return diagonal > 0 && begun < INFINITY ? add(jumps, found, 0, diagonal) : found;
        int64_t landing = s->begins[best] + diagonal, from = 0;
        const float *table = s->tables[s->turns[best]], *reached = s->reached + best * s->places;
        least = INFINITY;
        for (int64_t place = 0; place < s->places; place++) {
            float cost = table[place * s->width + landing] + reached[place];
            if (cost < least) {
                least = cost;
                from = place;
            }
        }
        int64_t place = from * s->place_every;
        found = add(jumps, found, place, landing - place);
        column = s->begins[best];
        diagonal = place - column;
    }
}

static int fill(Search *s, Arrays *arrays, PyObject *tables, const Py_buffer *turns, const Py_buffer *begins,
                const Py_buffer *shown)
{
    int64_t count = PyTuple_Size(tables);
    s->count = shown->shape[0];
    s->width = shown->shape[1];
    s->starts = begins->shape[0];
    s->places = (s->width + s->place_every - 1) / s->place_every;
    s->begins = begins->buf;
    s->turns = turns->buf;
    s->shown = shown->buf;
    if (count < 1 || count > MOST_TABLES || turns->shape[0] != s->starts || s->run < 1 || s->run > s->width)
        return unfit("tables, turns and starts");
    for (int64_t at = 0; at < count; at++) {
        Py_buffer *table = take(arrays, PyTuple_GetItem(tables, at), "f", 2);
        if (!table)
            return 0;
        if (table->shape[0] != s->places || table->shape[1] != s->width)
            return unfit("tables and what is shown");
        s->tables[at] = table->buf;
    }
    for (int64_t at = 0; at < s->starts; at++) {
        int in_order = s->begins[at] >= (at ? s->begins[at - 1] + 1 : 0) && s->begins[at] <= s->count;
        if (!in_order || s->turns[at] < 0 || s->turns[at] >= count)
            return unfit("starts and turns");
    }
    return 1;
}

PyObject *best_jumps(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    Search s = {0};
    PyObject *tables, *objects[6];
    Py_ssize_t run, place_every;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!OOOOOnnO", &PyTuple_Type, &tables, &objects[0], &objects[1], &objects[2],
                          &objects[3], &objects[4], &run, &place_every, &objects[5]))
        return NULL;
    s.run = run;
    s.place_every = place_every;
    Py_buffer *turns, *begins, *shown, *begin, *end, *jumps;
    if (!(turns = take(&arrays, objects[0], "q", 1)) || !(begins = take(&arrays, objects[1], "q", 1)) ||
        !(shown = take(&arrays, objects[2], "f", 2)) || !(begin = take(&arrays, objects[3], "f", 1)) ||
        !(end = take(&arrays, objects[4], "f", 1)) || !(jumps = take(&arrays, objects[5], "qw", 2)) ||
        !fill(&s, &arrays, tables, turns, begins, shown))
        return given_back(&arrays, NULL);
    s.begin = begin->buf;
    s.end = end->buf;
    if (jumps->shape[0] < s.starts + 2 || jumps->shape[1] != 2 || begin->shape[0] != s.width + 1 ||
        end->shape[0] != s.width + 1) {
        unfit("jumps and starts");
        return given_back(&arrays, NULL);
    }
    int64_t diagonals = s.count + s.width + 1, found = 0;
    float *room = malloc((2 * diagonals + s.starts * (s.places + s.width)) * sizeof *room);
    if (!room) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    s.along = room;
    s.cheapest = room + diagonals;
    s.reached = s.cheapest + diagonals;
    s.landed = s.reached + s.starts * s.places;
    Py_BEGIN_ALLOW_THREADS
    found = trace(&s, search(&s), jumps->buf);
    Py_END_ALLOW_THREADS
    free(room);
    return given_back(&arrays, PyLong_FromLongLong(found));
}
