/* Where windows of a picture pass a cascade of local binary patterns (cascades.py). */

#include "arrays.h"

enum { CORNERS = 16, CODES = 256 };

typedef struct {
    int64_t stages;
    const int64_t *counts;             /* [stages] */
    const double *thresholds, *leaves; /* [stages], [n, 2] */
    const uint8_t *subsets;            /* [n, 256] */
    int64_t (*corners)[CORNERS];       /* [n], of a pattern's blocks in the integral */
} Cascade;

/* The number of a pattern: which of the eight blocks around the middle one are as bright, from the upper left on. */
static int code(const int32_t *at, const int64_t *corners)
{
    static const int8_t around[8] = {0, 1, 2, 6, 10, 9, 8, 4};
    int32_t values[CORNERS];
    for (int corner = 0; corner < CORNERS; corner++)
        values[corner] = at[corners[corner]];
#define BLOCK(first) (values[first] - values[(first) + 1] - values[(first) + 4] + values[(first) + 5])
    int32_t middle = BLOCK(5);
    int found = 0;
    for (int block = 0; block < 8; block++)
        found = found * 2 + (BLOCK(around[block]) >= middle);
#undef BLOCK
    return found;
}

static int passes(const Cascade *cascade, const int32_t *at)
{
    int64_t next = 0;
    for (int64_t stage = 0; stage < cascade->stages; stage++) {
        double sum = 0;
        for (int64_t end = next + cascade->counts[stage]; next < end; next++) {
            int found = cascade->subsets[next * CODES + code(at, cascade->corners[next])];
            sum += cascade->leaves[next * 2 + (found ? 0 : 1)];
        }
        if (sum < cascade->thresholds[stage])
            return 0;
    }
    return 1;
}

PyObject *pass_cascade(PyObject *self, PyObject *args)
{
    PyObject *given[7];
    long long every;
    Arrays arrays = {0};
    if (!PyArg_ParseTuple(args, "OOOOOOLO", &given[0], &given[1], &given[2], &given[3], &given[4], &given[5], &every,
                          &given[6]))
        return NULL;
    Py_buffer *integral = take(&arrays, given[0], "i", 2);
    Py_buffer *counts = integral ? take(&arrays, given[1], "q", 1) : NULL;
    Py_buffer *thresholds = counts ? take(&arrays, given[2], "d", 1) : NULL;
    Py_buffer *boxes = thresholds ? take(&arrays, given[3], "q", 2) : NULL;
    Py_buffer *subsets = boxes ? take(&arrays, given[4], "B", 2) : NULL;
    Py_buffer *leaves = subsets ? take(&arrays, given[5], "d", 2) : NULL;
    Py_buffer *result = leaves ? take(&arrays, given[6], "Bw", 2) : NULL;
    if (!result)
        return given_back(&arrays, NULL);
    int64_t width = integral->shape[1], count = boxes->shape[0], total = 0, least = 0, reach = 0;
    Cascade cascade = {counts->shape[0], counts->buf, thresholds->buf, leaves->buf, subsets->buf, NULL};
    for (int64_t stage = 0; stage < cascade.stages; stage++) {
        total += cascade.counts[stage];
        least = cascade.counts[stage] < least ? cascade.counts[stage] : least;
    }
    cascade.corners = malloc((size_t)(count ? count : 1) * sizeof(*cascade.corners));
    if (!cascade.corners)
        PyErr_NoMemory();
    int fits = boxes->shape[1] == 4 && subsets->shape[0] == count && subsets->shape[1] == CODES &&
               leaves->shape[0] == count && leaves->shape[1] == 2 && thresholds->shape[0] == cascade.stages &&
               total == count && every > 0;
    for (int64_t node = 0; cascade.corners && fits && node < count; node++) {
        const int64_t *box = (const int64_t *)boxes->buf + node * 4;
        for (int side = 0; side < 4; side++)
            least = box[side] < least ? box[side] : least;
        for (int corner = 0; corner < CORNERS; corner++)
            cascade.corners[node][corner] = (box[1] + corner / 4 * box[3]) * width + box[0] + corner % 4 * box[2];
        int64_t last = cascade.corners[node][CORNERS - 1];
        reach = last > reach ? last : reach;
    }
    int64_t rows = result->shape[0], columns = result->shape[1];
    int64_t end = rows && columns ? ((rows - 1) * width + columns - 1) * every + reach : 0;
    if (cascade.corners && (!fits || least < 0 || end >= integral->shape[0] * width))
        unfit("the cascade and the windows");
    else if (cascade.corners) {
        Py_BEGIN_ALLOW_THREADS
        for (int64_t row = 0; row < rows; row++)
            for (int64_t column = 0; column < columns; column++) {
                const int32_t *at = (const int32_t *)integral->buf + (row * width + column) * every;
                ((uint8_t *)result->buf)[row * columns + column] = (uint8_t)passes(&cascade, at);
            }
        Py_END_ALLOW_THREADS
    }
    free(cascade.corners);
    return given_back(&arrays, NULL);
}
