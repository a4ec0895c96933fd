"""Streams of bytes: frames come in, what goes out is buffered, and how a connection ends."""
