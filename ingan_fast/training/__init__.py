"""A training from pictures to a run folder: loop.py first."""

import os

# oneDNN keeps the kernels of all the shapes that a training meets (1,024 by default). It asks the environment alone,
# when it makes its first kernel.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
