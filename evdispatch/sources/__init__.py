"""Sources: what makes events. One file a kind, above `_base`.

The parts of a kind, or of several, are in a folder: `stream`, `net`, `files`, `tty`.
"""
