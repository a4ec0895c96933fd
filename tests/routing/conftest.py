"""Fixtures of the tests of handlers."""

import pytest
from helpers.events import Post, Work

from evdispatch import Dispatcher
from evdispatch.testing import settle


@pytest.fixture
def post(timed: Dispatcher) -> Post:
    def all_at_once(*numbers: int) -> None:
        for number in numbers:
            timed.post(Work(number))
        settle(timed)

    return all_at_once
