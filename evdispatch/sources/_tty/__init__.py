"""The terminal as a device: who has it, its modes, and always back to what it was."""
