"""Sockets until they are open: addresses, names, binding, and racing for a connection."""
