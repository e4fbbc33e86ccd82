"""The numbers of a unit-scale layout: one table for the torch version (kernels/) and the numpy one (runtime/)."""

# A sampling w closer to zero than this is held here (with its sign), and a coordinate farther out than this many
# half-sources is held there: nothing non-finite reaches the sampling, whatever the matrix. A `Transform` keeps far from
# both: it refuses a horizon in the frame.
MIN_W = 1e-6
MAX_COORDINATE = 1e4

# Anchors (columns and rows of the output that are tied to the source)
KNOTS = 129  # at which the scale along the source's middle row and column is measured
LEAST_ROOM = 1e-4  # px of room for a pixel of the source everywhere, so that an identity has its anchors, too
ROUND_DOWN = 0.25  # of a jump: rather a last one that is too long than one too short to repeat anything whole
MOST = 1024  # anchors an axis
NEAR = 8  # a jump's part that is near the source's border,
NEAR_LEAST = 2  # px
NEAR_MOST = 3.0  # how disliked, in anchors, a place beyond the border is at most

# Cuts between them
CUTS = 32  # anchors an axis between which the best place for a cut is looked for, the first ones
TRIED = 64  # places for a cut, whole pixels of the source, 1, 2, 4, ... px apart
LAST_JUMPS = (1.0, 1.5)  # jumps, of which the last cut's own changes with T, that this cut is looked for at
BEYOND = 10.0  # what a place beyond these ends costs, in colours of [-1, 1]
TRIED_FROM, TRIED_TO = 0.04, 0.96  # of the way to the next anchor
HALFWAY = 0.02  # how much worse the ends of these may be than the middle, in colours of [-1, 1]
FADE = 3  # of these places, over which a cut fades
BLOCK = 8  # px along a cut for which it has one place
BENDS = 3  # places by which a cut may move from one block to the next
BEND = 0.06  # what each of them costs, in colours of [-1, 1]

# Layouts
LAYOUTS = 4  # even and odd, columns and rows
# How far, in logits, an anchor is disliked where it gives way to the next one of its parity; not at all on itself.
SHARPNESS = 16.0

# Scattered textures
# A texture that is made so many times as large along an axis is scattered; smaller ones show no repetitions.
SCATTERED_FROM = 1.75
SPACING = 48  # px between the anchors of a scattered texture, at most;
PARTS = 3.5  # so many fit into the source's side: smaller parts leave more places to come from
CELLS = 64  # a side of the table of chances; it is gone through again and again
SEEN = 0.75  # of the way to the next anchor (which gives way at 1), how far around an anchor its part is likely seen
