"""Who hears what: handlers, their filters, and the routes from an event to them. No IO."""
