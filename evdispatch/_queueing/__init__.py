"""The queue between the two sides, and what becomes of events that wait in it."""
