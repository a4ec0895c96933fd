"""What asks the kernel: epoll, select and poll, the pipe that wakes them, inotify.

Nothing here knows an event, a source or a dispatcher.
"""
