"""Many pictures at once, on the cores of this machine or of a Ray cluster (docs/batch.md)."""
