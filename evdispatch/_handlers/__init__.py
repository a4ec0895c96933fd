"""Handlers: checking them, their filters, the registry, and the routes from events to them."""
