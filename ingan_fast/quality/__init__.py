"""Quality of a retargeted picture: measures, maps, and warnings about unsuitable pictures."""
