"""The IO side: which sources there are, what they wait for, and who asks them.

It ends at the queue; nothing here knows a handler. `_side` is the step, `_pumping` says who
calls it.
"""
