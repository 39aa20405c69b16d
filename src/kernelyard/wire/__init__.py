"""The kernel's language without sockets: bytes and messages in, messages, bytes or events out."""
