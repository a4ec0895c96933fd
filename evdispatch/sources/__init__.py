"""Sources: one file a kind, above `_base` and what that needs.

What a kind is made of, or several share, has a room: `_sockets`, `_streams`, `_tty`, `_tree`.
"""
