"""Answers about a running dispatcher: why_alive, explain, slow, trace. Loaded when asked for."""
