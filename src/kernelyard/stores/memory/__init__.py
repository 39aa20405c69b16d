"""A store and a bell that live in one process."""
