"""Sources: one file a kind; what several share, or what one is made of, has a room."""
