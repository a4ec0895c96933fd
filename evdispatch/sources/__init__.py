"""Sources make events. Each kind has one file; `_base` has their base class.

Parts of one or several kinds are in the folders `stream`, `net`, `files` and `tty`.
"""
