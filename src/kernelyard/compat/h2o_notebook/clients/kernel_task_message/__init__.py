"""Messages: what a task said, piece by piece."""
