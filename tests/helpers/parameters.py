"""Parameters of tests: their names in ids, and what Hypothesis draws from."""

import re
import sys

from hypothesis import strategies as st

TEXT = st.lists(st.integers(0, sys.maxunicode), max_size=80).map(
    lambda codes: "".join(map(chr, codes))
)
"""Any characters, surrogates too. Not `st.text`: its table of Unicode takes five seconds to
make in each process that measures coverage."""


def label(value: object) -> str:
    """Return what a value shows of itself, without its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
