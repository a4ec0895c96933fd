"""The parts of a `Dispatcher`, each above the one before it.

`_lifetime` (open, closed, forked), `_loop` (who pumps, who dispatches), `_embedding` (in a
host's loop), `_hearing` (``on``), `_observing` (``stats``), `_posting` (``set_policy``).
"""
