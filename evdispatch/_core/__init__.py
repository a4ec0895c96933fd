"""The dispatch side and what both sides share: queue, policies, timers, clock, pollers, wakeup."""
