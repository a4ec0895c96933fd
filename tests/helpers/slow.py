"""What the tests of slow handlers share, and those of the thread that stands by."""

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.waiting import wait_until

from evdispatch import Dispatcher, HandlerStats
from evdispatch._io._modes import Standby
from evdispatch.debug._slow import StackSampler
from evdispatch.testing import VirtualClock


@pytest.fixture
def measuring(io: Any, polling: Any, clock: VirtualClock) -> Iterator[Dispatcher]:
    """A dispatcher on the virtual clock, for which half a second is slow."""
    with Dispatcher(io=io, clock=clock, slow=0.5, **polling) as dispatcher:
        yield dispatcher
        dispatcher.audit()


def sampler_of(app: Dispatcher) -> StackSampler:
    sampler: StackSampler = app._timer.sampler
    return sampler


def be_sampled(app: Dispatcher) -> None:
    """Wait, in a handler, until its stack was taken."""
    sampler = sampler_of(app)
    wait_until(lambda: sampler._sampled[0] is sampler.call)


def timing(app: Dispatcher, handler: object) -> HandlerStats:
    (found,) = [each for each in app.stats().timings if each.handler is handler]
    return found


def standby_of(app: Dispatcher) -> Standby:
    assert isinstance(app._runner._driver, Standby)
    return app._runner._driver
