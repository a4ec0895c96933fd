"""Sockets until they are open: addresses, binding, and the opening of connections."""
