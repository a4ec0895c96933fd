"""What the tests of `evdispatch keys` get."""

import pytest


@pytest.fixture
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are told that their terminal is an xterm."""
    monkeypatch.setenv("TERM", "xterm-256color")
