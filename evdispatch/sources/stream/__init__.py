"""Streams of bytes: framing, write buffers, TLS, and the life of a connection."""
