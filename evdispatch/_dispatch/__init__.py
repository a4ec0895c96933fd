"""The dispatch side: from the queue to the handlers, and how long they take.

`_side` is the step; ``after`` and ``every`` and ctrl+c are here since they, too, end in a
handler's call.
"""
