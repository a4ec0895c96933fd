"""Virtual time: let it pass, and what ticks show of it."""

from collections.abc import Callable

from evdispatch import Dispatcher, Tick
from evdispatch.testing import VirtualClock, settle

Later = Callable[[float], None]


def advance(app: Dispatcher, clock: VirtualClock, seconds: float) -> None:
    clock.advance(seconds)
    settle(app)


def shown_ticks(ticks: list[Tick]) -> list[tuple[int, int, float]]:
    return [(tick.count, tick.missed, tick.due) for tick in ticks]
