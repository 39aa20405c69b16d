"""One client per kind of thing, as ``login()`` returns them."""
