"""Changes of files: their events, patterns of paths, and the net effect of many.

No IO, and no clock: what watches is `evdispatch.Watch`.
"""

from evdispatch._files._events import Attributes as Attributes
from evdispatch._files._events import Change as Change
from evdispatch._files._events import Closed as Closed
from evdispatch._files._events import Created as Created
from evdispatch._files._events import Deleted as Deleted
from evdispatch._files._events import Existing as Existing
from evdispatch._files._events import Modified as Modified
from evdispatch._files._events import Moved as Moved
from evdispatch._files._events import Overflow as Overflow
from evdispatch._files._events import PathEvent as PathEvent
from evdispatch._files._events import Ready as Ready
from evdispatch._files._events import Rescan as Rescan
from evdispatch._files._events import RootGone as RootGone
from evdispatch._files._events import Settled as Settled
from evdispatch._files._events import TreeEvent as TreeEvent
from evdispatch._files._events import Unmounted as Unmounted
from evdispatch._files._globs import PathSpec as PathSpec
