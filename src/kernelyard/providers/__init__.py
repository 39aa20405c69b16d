"""What can run: providers find images and say how a kernel of one is launched."""
