"""`python benchmarks/figures`: regenerates the paper's figures, together with other methods (see command.py)."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder is imported as the package `figures`
    from figures.command import main

    main()
