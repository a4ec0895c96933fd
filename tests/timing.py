"""Time in tests: let it pass, and what ticks tell of it."""

from evdispatch import Dispatcher, Tick
from evdispatch.testing import VirtualClock, settle


def advance(app: Dispatcher, clock: VirtualClock, seconds: float) -> None:
    clock.advance(seconds)
    settle(app)


def shown(ticks: list[Tick]) -> list[tuple[int, int, float]]:
    return [(tick.count, tick.missed, tick.due) for tick in ticks]
