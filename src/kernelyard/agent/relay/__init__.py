"""Clients that speak with a kernel through the agent link: WebSockets of a server."""
