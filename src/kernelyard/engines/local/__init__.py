"""The local engine: one agent on this machine, in a process of its own."""
