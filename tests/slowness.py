"""What the tests of slow handlers share, and those of the thread that stands by."""

import time

import attrs

from evdispatch import Dispatcher, Event, HandlerStats
from evdispatch._io._modes import Standby
from evdispatch.debug._slow import StackSampler


@attrs.define(eq=False)
class Work(Event):
    """What the handlers of these tests hear."""


def sampler_of(app: Dispatcher) -> StackSampler:
    sampler: StackSampler = app._timer.sampler
    return sampler


def be_sampled(app: Dispatcher) -> None:
    """Wait, in a handler, until its stack was taken."""
    sampler = sampler_of(app)
    deadline = time.monotonic() + 10
    while sampler._sampled[0] is not sampler.call:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def timing(app: Dispatcher, handler: object) -> HandlerStats:
    (found,) = [each for each in app.stats().timings if each.handler is handler]
    return found


def standby_of(app: Dispatcher) -> Standby:
    assert isinstance(app._runner._driver, Standby)
    return app._runner._driver
