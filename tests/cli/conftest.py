"""What the tests of `evdispatch keys` get."""

import pytest


@pytest.fixture
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM of the programs is an xterm."""
    monkeypatch.setenv("TERM", "xterm-256color")
