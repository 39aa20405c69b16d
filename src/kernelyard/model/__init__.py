"""Nouns and rules: frozen data and pure functions. No await, no clock, no log."""
