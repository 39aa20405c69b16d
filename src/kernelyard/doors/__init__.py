"""Ways in: each door translates one dialect into calls of the yard and decides nothing."""
