"""What a dispatcher tells of itself: `explain`, `why_alive` and `trace`."""
