"""Benchmarks of the warp, training, export, inference and video, compared with baselines and hardware ceilings."""
