"""The terminal as a device: its modes, its owner, its queries, and restoring it."""
