"""The command line: one file per command. User commands know only the client."""
