"""How good a retargeted picture is: measures, maps, and what a picture is suited for."""
