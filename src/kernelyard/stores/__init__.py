"""Stores: the SQL store, and one in memory for tests."""
