"""What is measured where nothing else is asked for, by device; apart from the benchmarks, which need torch."""

WARP_REPEAT = {"cuda": 100, "cpu": 5}
TRAIN_PRESET = {"cuda": "paper", "cpu": "learned"}
ENGINES = {"cuda": ("graphs", "eager"), "cpu": ("eager",)}
ITERATIONS = {"cuda": 100, "cpu": 60}
