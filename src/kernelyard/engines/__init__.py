"""Where agents run: one folder per engine."""
