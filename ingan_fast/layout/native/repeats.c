/* The best jumps that only repeat, by dynamic programming (repeats.py). */

#include "arrays.h"

#include <math.h>

/* The cheapest jump back from a place, for each number of columns that are repeated after it.

   `between` is what going on at each earlier column costs here, `along` what columns cost along each diagonal, and `costs`
   is room; each has one value, or row, for each column. */
VECTORISED static void repeat(const float *ready, const float *between, const float *along, int64_t width,
                              int64_t place, int64_t longest, int64_t more, float *RESTRICT costs,
                              float *RESTRICT jumped, int64_t *RESTRICT lengths)
{
    for (int64_t repeated = 0; repeated <= more; repeated++) {
        int64_t first = place - (repeated < longest ? repeated : longest);
        const float *line = along + repeated * (width + 1), *from = ready + repeated - place;
        float least = INFINITY;
        for (int64_t column = first; column < place; column++) {
            float cost = from[column] + between[column];
            costs[column] = cost + (line[place] - line[column]);
        }
        for (int64_t column = first; column < place; column++)
            least = costs[column] < least ? costs[column] : least;
        jumped[repeated] = least;
        lengths[repeated] = 1;
        for (int64_t column = place - 1; least < INFINITY && column >= first; column--)
            if (costs[column] == least) {
                lengths[repeated] = place - column;
                break;
            }
    }
}

PyObject *best_repeats(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    PyObject *objects[6];
    Py_ssize_t run, longest, every;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOnnnOOO", &objects[0], &objects[1], &objects[2], &run, &longest, &every, &objects[3],
                          &objects[4], &objects[5]))
        return NULL;
    Py_buffer *between_, *shown_, *along_, *ready_, *jumped_, *lengths_;
    if (!(between_ = take(&arrays, objects[0], "f", 2)) || !(shown_ = take(&arrays, objects[1], "f", 2)) ||
        !(along_ = take(&arrays, objects[2], "f", 2)) || !(ready_ = take(&arrays, objects[3], "fw", 2)) ||
        !(jumped_ = take(&arrays, objects[4], "fw", 2)) || !(lengths_ = take(&arrays, objects[5], "qw", 2)))
        return given_back(&arrays, NULL);
    int64_t count = shown_->shape[0], width = shown_->shape[1], more = count - width;
    Py_buffer *tables[3] = {ready_, jumped_, lengths_};
    int fits = more >= 0 && run >= 1 && run <= width && every >= 1 && longest >= 1 &&
               between_->shape[0] == width && between_->shape[1] == width && along_->shape[0] == more + 1 &&
               along_->shape[1] == width + 1;
    for (int at = 0; at < 3; at++)
        fits = fits && tables[at]->shape[0] == width + 1 && tables[at]->shape[1] == more + 1;
    if (!fits) {
        unfit("costs and tables");
        return given_back(&arrays, NULL);
    }
    const float *between = between_->buf, *shown = shown_->buf, *along = along_->buf;
    float *ready = ready_->buf, *jumped = jumped_->buf;
    int64_t *lengths = lengths_->buf, room = more + 1;
    float *from = malloc(2 * width * sizeof *from), *costs = from + width;
    if (!from) {
        PyErr_NoMemory();
        return given_back(&arrays, NULL);
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t place = run + 1; place <= width; place++) {
        int64_t before = place - run;
        float *here = ready + place * room;
        for (int64_t repeated = 0; repeated <= more; repeated++) {
            float waited = here[repeated - room] + shown[(repeated + place - 1) * width + place - 1];
            float went_on = jumped[before * room + repeated] + along[repeated * (width + 1) + place];
            went_on -= along[repeated * (width + 1) + before];
            here[repeated] = went_on < waited ? went_on : waited;
        }
        int64_t most = longest < place ? longest : place;
        if (place % every || place == width)
            continue;
        for (int64_t column = 0; column < place; column++)
            from[column] = between[column * width + place];
        repeat(here, from, along, width, place, most, more, costs, jumped + place * room, lengths + place * room);
    }
    Py_END_ALLOW_THREADS
    free(from);
    return given_back(&arrays, NULL);
}
