"""Benchmarks: what the warp and a training iteration take, beside baselines and the device's own ceilings."""
