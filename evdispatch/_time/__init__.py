"""Time: the clock, what is due when, and how much in which time. No IO but the alarm."""
