"""What all doors share: the application they stand in, and what surrounds every request."""
