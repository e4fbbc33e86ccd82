"""The command `ingan-fast`, also `python -m ingan_fast`."""

import os

# Read when numpy is loaded. Matrices here are so small that further threads of OpenBLAS only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """Run the command line."""
    from ingan_fast.cli import main as run

    run()


if __name__ == "__main__":
    main()
