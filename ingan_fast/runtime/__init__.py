"""Running an exported model: numpy and the backend alone, no torch."""
