/* Small changes that make a set of jumps better (polishing.py). */

#include "arrays.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, MOST_FEATURES = 128 };

typedef struct {
    int64_t count, width, features, seams, run, moves;
    const float *between; /* [width + 1, width], as for best_jumps, and crops */
    const float *along;   /* [count + 1, width + 1], what places cost along diagonals */
    const float *shown;   /* [width + 1, features], running sums over columns */
    const float *rest;    /* [features], what the distribution lacks without any jump */
    const float *again;   /* [width + 1, width], what a jump costs once more for each other one as long, or NULL */
    const int64_t *steps; /* [moves], px */
    float weight;         /* of the distance of distributions */
    double as_long;       /* px; lengths that differ by less are alike */
    int in_order;
    int64_t *places, *lengths;
    int64_t last; /* the seam from which on they stay */
    float *fixed; /* [features], room */
} Polish;

/* The sum of |rest + features + fixed|, added up in the order in which numpy does. */
VECTORISED static float distance(const Polish *p, const float *features)
{
    float lanes[LANES] = {0};
    for (int64_t at = 0; at < p->features; at += LANES)
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += fabsf(p->rest[at + lane] + features[at + lane]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* The same for one or two jumps that show other features than before. */
VECTORISED static float distance_of(const Polish *p, int64_t jumps, const int64_t *place, const int64_t *start)
{
    float features[MOST_FEATURES];
    const float *to = p->shown + place[0] * p->features, *from = p->shown + start[0] * p->features;
    for (int64_t at = 0; at < p->features; at++)
        features[at] = to[at] - from[at];
    if (jumps == 2) {
        to = p->shown + place[1] * p->features;
        from = p->shown + start[1] * p->features;
        for (int64_t at = 0; at < p->features; at++)
            features[at] += to[at] - from[at];
    }
    for (int64_t at = 0; at < p->features; at++)
        features[at] += p->fixed[at];
    return distance(p, features);
}

static float seam_cost(const Polish *p, int64_t place, int64_t start, int64_t before)
{
    const float *along = p->along + (place - before) * (p->width + 1);
    return p->between[start * p->width + place] + (along[place] - along[start]);
}

static int is_alike(const Polish *p, int64_t one, int64_t other)
{
    return (double)llabs(one - other) < p->as_long;
}

/* What one or two jumps cost once more for each other one as long. */
static float repeated(const Polish *p, int64_t seam, int64_t jumps, const int64_t *place, const int64_t *longer)
{
    double own = 0, others = 0;
    float both = 0;
    for (int64_t jump = 0; jump < jumps; jump++) {
        float cost = p->again[(place[jump] + longer[jump]) * p->width + place[jump]];
        int64_t alike = 0;
        for (int64_t other = 0; other < p->seams; other++) {
            if ((other >= seam && other < seam + jumps) || !is_alike(p, longer[jump], p->lengths[other]))
                continue;
            alike++;
            others += p->again[(p->places[other] + p->lengths[other]) * p->width + p->places[other]];
        }
        own += (double)cost * (double)alike;
        both += cost;
    }
    if (jumps == 2 && is_alike(p, longer[0], longer[1]))
        return (float)(own + others + (double)both);
    return (float)(own + others);
}

/* Whether a jump and the one after it may lie there. */
static int is_allowed(const Polish *p, int64_t seam, int64_t jumps, const int64_t *place, const int64_t *start)
{
    int64_t after = seam + jumps;
    int64_t low = seam ? p->places[seam - 1] + p->lengths[seam - 1] : 0;
    int64_t high = after < p->seams ? p->places[after] : p->width;
    if (place[0] - low < p->run || high - start[jumps - 1] < p->run)
        return 0;
    for (int64_t jump = 0; jump < jumps; jump++)
        if (start[jump] < 0 || start[jump] >= p->width || place[jump] < 0 || place[jump] >= p->width)
            return 0;
    if (jumps == 2 && place[1] - start[0] < p->run)
        return 0;
    if (!p->in_order)
        return 1;
    if (seam && place[0] - p->places[seam - 1] < p->run)
        return 0;
    if (jumps == 2 && place[1] - place[0] < p->run)
        return 0;
    return jumps == 1 || after >= p->seams || p->places[after] - place[1] >= p->run;
}

/* Features of all jumps but those that move. */
static void fix(const Polish *p, int64_t seam, int64_t jumps)
{
    memset(p->fixed, 0, p->features * sizeof *p->fixed);
    for (int64_t other = 0; other < p->seams; other++) {
        if (other >= seam && other < seam + jumps)
            continue;
        const float *to = p->shown + p->places[other] * p->features;
        const float *from = p->shown + (p->places[other] + p->lengths[other]) * p->features;
        for (int64_t at = 0; at < p->features; at++)
            p->fixed[at] += to[at] - from[at];
    }
}

/* Make the best small change to a jump and the one after it; whether there was one. */
static int improve(const Polish *p, int64_t seam)
{
    int64_t jumps = p->last - seam < 2 ? 1 : 2, before = 0, count = jumps == 2 ? p->moves : 1;
    for (int64_t other = 0; other < seam; other++)
        before += p->lengths[other];
    fix(p, seam, jumps);
    float least = INFINITY, stays = INFINITY;
    int64_t best_place[2] = {0}, best_length[2] = {0};
    for (int64_t first = 0; first < p->moves; first++)
        for (int64_t second = 0; second < count; second++)
            for (int64_t change = 0; change < count; change++) {
                int64_t by = jumps == 2 ? p->steps[change] : 0;
                int64_t place[2] = {p->places[seam] + p->steps[first], 0}, longer[2] = {p->lengths[seam] + by, 0};
                if (jumps == 2) {
                    place[1] = p->places[seam + 1] + p->steps[second];
                    longer[1] = p->lengths[seam + 1] - by;
                }
                int64_t start[2] = {place[0] + longer[0], place[1] + longer[1]};
                if (!is_allowed(p, seam, jumps, place, start))
                    continue;
                float total = seam_cost(p, place[0], start[0], before);
                if (jumps == 2)
                    total += seam_cost(p, place[1], start[1], before + longer[0]);
                total += p->weight * distance_of(p, jumps, place, start);
                if (p->again)
                    total += repeated(p, seam, jumps, place, longer);
                int same = !p->steps[first] && !by && (jumps == 1 || !p->steps[second]);
                if (same)
                    stays = total;
                if (total < least) {
                    least = total;
                    memcpy(best_place, place, sizeof place);
                    memcpy(best_length, longer, sizeof longer);
                }
            }
    if (!(least < stays - 1e-6f))
        return 0;
    for (int64_t jump = 0; jump < jumps; jump++) {
        p->places[seam + jump] = best_place[jump];
        p->lengths[seam + jump] = best_length[jump];
    }
    return 1;
}

static void sweep(Polish *p, int64_t sweeps)
{
    int64_t first = p->places[0] == 0; /* crops stay as they are */
    p->last = p->seams - (p->places[p->seams - 1] + p->lengths[p->seams - 1] == p->width);
    int64_t end = p->last - first > 1 ? p->last - 1 : p->last;
    for (int64_t turn = 0; turn < sweeps; turn++) {
        int improved = 0;
        for (int64_t seam = first; seam < end; seam++)
            improved |= improve(p, seam);
        if (!improved)
            return;
    }
}

/* Whether the jumps lie in the picture, so that all that is looked up for them exists. */
static int lie_inside(const Polish *p)
{
    int64_t before = 0;
    for (int64_t seam = 0; seam < p->seams; seam++) {
        int64_t place = p->places[seam], start = place + p->lengths[seam], column = place - before;
        if (place < 0 || place >= p->width || start < 0 || start > p->width || column < 0 || column > p->count)
            return 0;
        before += p->lengths[seam];
    }
    return p->seams > 0;
}

PyObject *polish(PyObject *self, PyObject *args)
{
    Arrays arrays = {0};
    Polish p = {0};
    PyObject *objects[8];
    Py_ssize_t run, sweeps;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOfdnpn", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4],
                          &objects[5], &objects[6], &objects[7], &p.weight, &p.as_long, &run, &p.in_order, &sweeps))
        return NULL;
    Py_buffer *between, *along, *shown, *rest, *again = NULL, *steps, *places, *lengths;
    if (!(between = take(&arrays, objects[0], "f", 2)) || !(along = take(&arrays, objects[1], "f", 2)) ||
        !(shown = take(&arrays, objects[2], "f", 2)) || !(rest = take(&arrays, objects[3], "f", 1)) ||
        (objects[4] != Py_None && !(again = take(&arrays, objects[4], "f", 2))) ||
        !(steps = take(&arrays, objects[5], "q", 1)) || !(places = take(&arrays, objects[6], "qw", 1)) ||
        !(lengths = take(&arrays, objects[7], "qw", 1)))
        return given_back(&arrays, NULL);
    p.width = along->shape[1] - 1;
    p.count = along->shape[0] - 1;
    p.features = rest->shape[0];
    p.moves = steps->shape[0];
    p.seams = places->shape[0];
    p.run = run;
    p.between = between->buf;
    p.along = along->buf;
    p.shown = shown->buf;
    p.rest = rest->buf;
    p.again = again ? again->buf : NULL;
    p.steps = steps->buf;
    p.places = places->buf;
    p.lengths = lengths->buf;
    if (between->shape[0] != p.width + 1 || between->shape[1] != p.width || shown->shape[0] != p.width + 1 ||
        shown->shape[1] != p.features || p.features % LANES || p.features > MOST_FEATURES ||
        lengths->shape[0] != p.seams || (again && (again->shape[0] != p.width + 1 || again->shape[1] != p.width)) ||
        !lie_inside(&p)) {
        unfit("jumps and tables");
        return given_back(&arrays, NULL);
    }
    float fixed[MOST_FEATURES];
    p.fixed = fixed;
    Py_BEGIN_ALLOW_THREADS
    sweep(&p, sweeps);
    Py_END_ALLOW_THREADS
    return given_back(&arrays, NULL);
}
