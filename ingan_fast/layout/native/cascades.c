/* Where windows of a picture pass a cascade of local binary patterns (cascades.py). */

#include "arrays.h"

#include <string.h>

enum {
    CORNERS = 16,
    CODES = 256,
    DENSE = 3 /* stages for which all windows of a row are looked at: many pass them, and so it is quicker */
};

typedef struct {
    int64_t stages, nodes;
    const int64_t *counts;             /* [stages] */
    const double *thresholds, *leaves; /* [stages], [nodes, 2] */
    const uint8_t *subsets;            /* [nodes, 256] */
    int64_t (*corners)[CORNERS];       /* [nodes], of a pattern's blocks, from a window's place in `Sums` */
} Cascade;

/* The integral of a picture, its columns sorted by their number modulo the distance of windows, so that what windows of
   a row need lies side by side. */
typedef struct {
    int64_t every, columns, row; /* columns that have the same remainder, and all of a row */
    int32_t *values;
} Sums;

/* The number of a pattern in a window: which of the eight blocks around the middle one are as bright. */
static inline int32_t find_code(const int32_t *at, const int64_t *corners)
{
#define CORNER(n) at[corners[n]]
#define BLOCK(n) (CORNER(n) - CORNER((n) + 1) - CORNER((n) + 4) + CORNER((n) + 5))
    int32_t middle = BLOCK(5);
    return (BLOCK(0) >= middle) << 7 | (BLOCK(1) >= middle) << 6 | (BLOCK(2) >= middle) << 5 |
           (BLOCK(6) >= middle) << 4 | (BLOCK(10) >= middle) << 3 | (BLOCK(9) >= middle) << 2 |
           (BLOCK(8) >= middle) << 1 | (BLOCK(4) >= middle);
#undef BLOCK
#undef CORNER
}

/* The same in windows side by side. */
VECTORISED static void find_codes(const int32_t *RESTRICT at, const int64_t *corners, int64_t count,
                                  int32_t *RESTRICT codes)
{
    int64_t own[CORNERS]; /* what nothing else can change while codes are written */
    memcpy(own, corners, sizeof own);
    for (int64_t k = 0; k < count; k++)
        codes[k] = find_code(at + k, own);
}

static double vote(const Cascade *cascade, int64_t node, int32_t code)
{
    return cascade->leaves[node * 2 + (cascade->subsets[node * CODES + code] ? 0 : 1)];
}

/* Whether the window at a place passes the stages from one on, whose first pattern is `node`. */
static int passes(const Cascade *cascade, const int32_t *at, int64_t stage, int64_t node)
{
    for (; stage < cascade->stages; stage++) {
        double sum = 0;
        for (int64_t end = node + cascade->counts[stage]; node < end; node++)
            sum += vote(cascade, node, find_code(at, cascade->corners[node]));
        if (sum < cascade->thresholds[stage])
            return 0;
    }
    return 1;
}

/* Look at a row of windows; `sums` and `codes` are room for one value each. */
static void look(const Cascade *cascade, const int32_t *at, int64_t count, double *sums, int32_t *codes,
                 uint8_t *result)
{
    int64_t stage = 0, node = 0;
    memset(result, 1, (size_t)count);
    for (; stage < DENSE && stage < cascade->stages; stage++) {
        memset(sums, 0, (size_t)count * sizeof(double));
        for (int64_t end = node + cascade->counts[stage]; node < end; node++) {
            double votes[CODES];
            for (int code = 0; code < CODES; code++)
                votes[code] = vote(cascade, node, code);
            find_codes(at, cascade->corners[node], count, codes);
            for (int64_t k = 0; k < count; k++)
                sums[k] += votes[codes[k]];
        }
        for (int64_t k = 0; k < count; k++)
            result[k] &= sums[k] >= cascade->thresholds[stage];
    }
    for (int64_t k = 0; k < count; k++)
        result[k] = result[k] && passes(cascade, at + k, stage, node);
}

/* The sums of all pixels above and to the left of each corner of a picture's [height, width]; `above` is room for a row. */
static void integrate(const uint8_t *picture, int64_t height, int64_t width, int32_t *above, Sums *sums)
{
    memset(above, 0, (size_t)(width + 1) * sizeof(int32_t));
    for (int64_t row = 0; row <= height; row++) {
        int32_t sum = 0;
        for (int64_t column = 0; row && column < width; column++) {
            sum += picture[(row - 1) * width + column];
            above[column + 1] += sum;
        }
        for (int64_t first = 0; first < sums->every; first++) {
            int32_t *to = sums->values + row * sums->row + first * sums->columns;
            for (int64_t column = first; column <= width; column += sums->every)
                *to++ = above[column];
        }
    }
}

/* Where the corners of all patterns lie; 0 where any is outside of a window's `side` or the cascade is not whole. */
static int place(Cascade *cascade, const int64_t *boxes, int64_t side, const Sums *sums)
{
    int64_t total = 0;
    for (int64_t stage = 0; stage < cascade->stages; stage++) {
        if (cascade->counts[stage] < 0)
            return 0;
        total += cascade->counts[stage];
    }
    for (int64_t node = 0; node < cascade->nodes; node++) {
        const int64_t *box = boxes + node * 4;
        for (int which = 0; which < 4; which++)
            if (box[which] < 0 || box[which] > side)
                return 0;
        if (box[0] + 3 * box[2] > side || box[1] + 3 * box[3] > side)
            return 0;
        for (int corner = 0; corner < CORNERS; corner++) {
            int64_t column = box[0] + corner % 4 * box[2], row = box[1] + corner / 4 * box[3];
            cascade->corners[node][corner] =
                row * sums->row + column % sums->every * sums->columns + column / sums->every;
        }
    }
    return total == cascade->nodes;
}

PyObject *pass_cascade(PyObject *self, PyObject *args)
{
    PyObject *given[7];
    long long side, every;
    Arrays arrays = {0};
    if (!PyArg_ParseTuple(args, "OLOOOOOLO", &given[0], &side, &given[1], &given[2], &given[3], &given[4], &given[5],
                          &every, &given[6]))
        return NULL;
    Py_buffer *picture = take(&arrays, given[0], "B", 2);
    Py_buffer *counts = picture ? take(&arrays, given[1], "q", 1) : NULL;
    Py_buffer *thresholds = counts ? take(&arrays, given[2], "d", 1) : NULL;
    Py_buffer *boxes = thresholds ? take(&arrays, given[3], "q", 2) : NULL;
    Py_buffer *subsets = boxes ? take(&arrays, given[4], "B", 2) : NULL;
    Py_buffer *leaves = subsets ? take(&arrays, given[5], "d", 2) : NULL;
    Py_buffer *result = leaves ? take(&arrays, given[6], "Bw", 2) : NULL;
    if (!result)
        return given_back(&arrays, NULL);
    int64_t height = picture->shape[0], width = picture->shape[1], rows = result->shape[0], count = result->shape[1];
    Cascade cascade = {counts->shape[0], boxes->shape[0], counts->buf, thresholds->buf, leaves->buf, subsets->buf, NULL};
    if (every < 1 || side < 1 || boxes->shape[1] != 4 || subsets->shape[0] != cascade.nodes ||
        subsets->shape[1] != CODES || leaves->shape[0] != cascade.nodes || leaves->shape[1] != 2 ||
        thresholds->shape[0] != cascade.stages || (rows && (rows - 1) * every + side > height) ||
        (count && (count - 1) * every + side > width)) {
        unfit("the cascade and the windows");
        return given_back(&arrays, NULL);
    }
    Sums sums = {every, width / every + 1, 0, NULL};
    sums.row = every * sums.columns;
    sums.values = malloc((size_t)((height + 1) * sums.row) * sizeof(int32_t));
    cascade.corners = malloc((size_t)cascade.nodes * sizeof(*cascade.corners) + 1);
    double *votes = malloc((size_t)count * sizeof(double) + 1);
    int32_t *codes = malloc((size_t)(width + 1) * sizeof(int32_t)); /* of windows; before, sums of a row */
    if (!sums.values || !cascade.corners || !votes || !codes)
        PyErr_NoMemory();
    else if (!place(&cascade, boxes->buf, side, &sums))
        unfit("the cascade and the windows");
    else {
        Py_BEGIN_ALLOW_THREADS
        integrate(picture->buf, height, width, codes, &sums);
        for (int64_t row = 0; row < rows; row++)
            look(&cascade, sums.values + row * every * sums.row, count, votes, codes,
                 (uint8_t *)result->buf + row * count);
        Py_END_ALLOW_THREADS
    }
    free(sums.values);
    free(cascade.corners);
    free(votes);
    free(codes);
    return given_back(&arrays, NULL);
}
