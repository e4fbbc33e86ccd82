"""`python benchmarks/report_page`: adds the package's folder to the path for its own imports."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from report_page.command import main  # noqa: E402  the path comes first

main()
