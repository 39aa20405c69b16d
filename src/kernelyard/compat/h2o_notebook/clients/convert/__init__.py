"""Sizes and durations as the guide writes them."""
