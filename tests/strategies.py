"""What Hypothesis draws from in several tests."""

import sys

from hypothesis import strategies as st

TEXT = st.lists(st.integers(0, sys.maxunicode), max_size=80).map(
    lambda codes: "".join(map(chr, codes))
)
"""Any characters, surrogates too. Not `st.text`: its table of Unicode takes five seconds to
make in each process that measures coverage."""
