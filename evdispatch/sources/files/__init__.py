"""Watching files: inotify, the model of a tree, its events, patterns and debouncing."""
