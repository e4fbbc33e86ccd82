"""`python -m ingan_fast.cli`."""

from ingan_fast.cli import main

main()
