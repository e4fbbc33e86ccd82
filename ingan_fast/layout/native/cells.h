/* Values between the middles of cells (cells.py). */

#ifndef INGAN_FAST_CELLS_H
#define INGAN_FAST_CELLS_H

#include <math.h>
#include <stdint.h>

/* The one of `count` cells that a place is after, not the last one; how far on it is into `part`. */
static inline int64_t cell_before(double place, int64_t count, float *part)
{
    double cell = floor(place);
    cell = cell < 0 ? 0 : cell > (double)(count - 2) ? (double)(count - 2) : cell;
    place -= cell;
    *part = (float)(place < 0 ? 0 : place > 1 ? 1 : place);
    return (int64_t)cell;
}

/* A value between those of four cells: above, and the next one; below, and the next one. */
static inline float between_cells(float above, float next_above, float below, float next_below, float down, float right)
{
    float left = above + down * (below - above), next = next_above + down * (next_below - next_above);
    return left + right * (next - left);
}

#endif
