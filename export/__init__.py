"""The deployable graph: folding what training needs and inference does not."""
