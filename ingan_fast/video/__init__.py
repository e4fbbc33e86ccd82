"""Videos: animations of a picture, and retargeting of the frames of a clip."""
