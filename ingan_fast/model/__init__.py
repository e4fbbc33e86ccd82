"""The networks, their losses, and one training step of InGAN: networks.py, losses.py, sampling.py, step.py."""
