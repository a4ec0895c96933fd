"""What these tests do without: the watch on leaks, which costs more than they do.

Nothing in `evdispatch.terminal` can open or start anything (test_package.py).
"""

import pytest


@pytest.fixture(autouse=True)
def _no_leaks() -> None:
    """Take the place of the fixture of the same name for all tests."""
