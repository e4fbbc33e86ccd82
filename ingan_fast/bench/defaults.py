"""Default parameters of the benchmarks, by device; a separate module, because the benchmarks import torch."""

WARP_REPEAT = {"cuda": 100, "cpu": 5}
TRAIN_PRESET = {"cuda": "paper", "cpu": "learned"}
ENGINES = {"cuda": ("graphs", "eager"), "cpu": ("eager",)}
ITERATIONS = {"cuda": 100, "cpu": 60}
