"""A directory tree that is followed by inotify: what `evdispatch.Watch` is made of.

::

    _observer who is told what inotify has told
    _hub      the one instance, which all trees share -> records
    _model    what is known: nodes, names, watch descriptors
    _listing  a directory is watched, listed, and the model brought in line
    _renames, _changes   records -> events, and the model follows
    _trail    the way to the root: its coming and its going
    _tracker  all of it: what is worked on when, until the model is exact
"""
