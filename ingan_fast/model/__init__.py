"""InGAN's networks, losses, sampling and training step; start reading at step.py."""
