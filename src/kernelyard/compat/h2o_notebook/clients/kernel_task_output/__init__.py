"""Output: what a task said, put together."""
