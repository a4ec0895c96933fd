"""The terminal as a device: its settings and modes, its queries, its signals, its guard."""
