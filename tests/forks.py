"""What happens in a forked child, which must not run pytest."""

import os
import warnings
from collections.abc import Callable


def in_child(function: Callable[[], None]) -> int:
    """Call a function in a forked child and return its exit code; 0 is success."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork, 3.12+
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
