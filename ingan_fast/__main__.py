"""`python -m ingan_fast`."""

from ingan_fast.cli import main

main()
