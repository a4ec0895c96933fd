"""Children: forked ones, which must not run pytest, and the environment of programs."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

HELPERS = Path(__file__).parent

# For a program that a tracer disturbs, or that may not write where its figures belong.
UNTRACED = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}


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
