"""Open streams of bytes: framing, writing, TLS, options and deadlines."""
