"""Videos: the picture in motion, and a generator over the frames of a clip."""
