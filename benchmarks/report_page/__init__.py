"""One HTML page of all that `ingan-fast bench` and `benchmarks/figures` measured: see `command.py`."""
