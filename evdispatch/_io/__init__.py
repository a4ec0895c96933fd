"""The IO side: the registered sources, the loop that asks them, and the threads that run it."""
