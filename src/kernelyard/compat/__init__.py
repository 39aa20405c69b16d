"""For code that was written for other services: it runs on a yard, and only its imports change.

Each package here stands on the client alone.
"""
