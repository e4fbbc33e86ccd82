"""An HTML page of all results of `ingan-fast bench` and `benchmarks/figures`: see `command.py`."""
