"""How a kernel that we start and we find each other: over unix sockets, by registration, by its file."""
