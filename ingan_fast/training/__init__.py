"""A training from pictures to a run folder: loop.py first."""
