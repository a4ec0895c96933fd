"""Names of parameters in the ids of tests: the same in each process."""

import re


def label(value: object) -> str:
    """Return what a value shows of itself, without its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
