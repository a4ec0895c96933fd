"""The IO side: which sources there are, what they wait for, and who asks them.

`_side` is the step, and `_driver` says who calls it. It ends at the queue: no handler is
called here. The thread that stands by also looks on while one runs (`_lookout`, `_sampler`),
for that is how it knows when to pump. `_threads` are all threads of ours.
"""
