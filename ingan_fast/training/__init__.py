"""Training, from pictures to a run folder; start reading at loop.py."""

import os

# Size of oneDNN's kernel cache, for all shapes of a training (default 1,024). It can be set only by this variable,
# which is read when the first kernel is created.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
