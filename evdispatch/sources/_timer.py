"""Timers: named ticks on a grid of instants, or one tick after a delay.

A tick that is still queued when the next one is due is merged with it and counts it in
``missed`` (`Tick.merge`): a slow handler gets one late tick, never a pile of them.
"""

import types
import weakref
from collections.abc import Iterable
from typing import Any, ClassVar

import attrs

from evdispatch._checks import check_interval, check_name, check_seconds
from evdispatch._core._schedule import Schedule
from evdispatch._events import Event, event_classes
from evdispatch.sources._base import Source


@attrs.define(eq=False)
class Tick(Event):
    """A timer is due. The event's name is the timer's.

    Attributes:
        count: The tick's number, from 1; missed ticks count.
        missed: How many ticks before it were skipped.
        due: When it was due, in seconds of the dispatcher's clock.
    """

    queue_policy: ClassVar[str] = "merge"

    count: int
    missed: int
    due: float

    def merge(self, later: Any) -> Event | None:
        """Become the later tick, and count those that were missed before it."""
        self.missed += later.count - self.count
        self.count, self.due, self.time = later.count, later.due, later.time
        return self


def tick_class(name: str) -> type[Tick]:
    """Return the class of ticks of this name: an event's name belongs to its class.

    Handlers of the name and of the class `Tick` get its events, not those of ``tick``.
    """
    if name == Tick.name:
        return Tick
    others: list[type[Event]] = [Event, *event_classes(name)]
    if any(cls.name == name and not issubclass(cls, Tick) for cls in others):
        raise ValueError(
            f"a timer can't be called {name!r}: other events have that name"
        )
    cls = _classes.get(name)
    if cls is None:
        title = "".join(part.title() for part in name.split("_"))
        namespace = {
            "__module__": __name__,
            "__qualname__": f"{title}.{name}",  # a_b and ab have one title
            "__slots__": (),
            "name": name,
            "names": frozenset({name}),
        }
        cls = types.new_class(
            title, (Tick,), exec_body=lambda body: body.update(namespace)
        )
        _classes[name] = cls
    return cls


# One class for all timers of a name, as long as there is one.
_classes: "weakref.WeakValueDictionary[str, type[Tick]]" = weakref.WeakValueDictionary()


class Timer(Source):
    """Ticks every so many seconds, or once.

    The timer never fires early and does not drift: ticks are due at whole multiples of
    the interval after it was added. While it is paused its ticks are left out.

    Args:
        name: The name of its events: handlers of ``Timer("blink", every=0.5)`` are
            registered by ``@app.on("blink")``.
        every: The interval, in seconds, above 0.
        after: The delay of the one tick, in seconds; 0 or less is the next turn. The tick
            ends the timer.

    Raises:
        TypeError: Not exactly one of ``every`` and ``after`` was given, or it is no number.
        ValueError: NaN; an interval of zero or less; a name that no event can have.
    """

    __slots__ = ("_after", "_class", "_due", "_every", "_held", "_schedule")

    def __init__(
        self,
        name: str = "tick",
        *,
        every: float | None = None,
        after: float | None = None,
    ) -> None:
        super().__init__(name)
        if (every is None) == (after is None):
            raise TypeError("a timer must have one of every= and after=")
        check_name("a timer's name", name)
        self._every = None if every is None else check_interval("every", every)
        self._after = None if after is None else check_seconds("after", after)
        self._class = tick_class(name)
        self._schedule: Schedule | None = None
        self._due = 0.0  # when the one tick is
        self._held = False  # the one tick fell due during a pause

    def on_add(self) -> None:
        """Start the clock."""
        now = self.host.now()
        if self._every is not None:
            self._schedule = Schedule(now, self._every)
            self.set_deadline(self._schedule.next)
        elif self._after is not None:
            self._due = now + max(0.0, self._after)
            self.set_deadline(self._due)

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Return the tick that is due, and set the next deadline."""
        schedule = self._schedule
        if schedule is None:
            return self._fire_once(now)
        missed = schedule.take(now)
        self.set_deadline(schedule.next)
        if self.paused:
            return ()
        return [self._class(schedule.count, missed, schedule.due, time=now)]

    def _fire_once(self, now: float) -> Iterable[Event]:
        self._held = self.paused
        if self._held:
            return ()
        self.finish()
        return [self._class(1, 0, self._due, time=now)]

    def resume(self) -> None:
        """Go on: at the next instant of the grid; a single tick that was held back, now."""
        super().resume()
        host = self.registration.host
        if self._held and host is not None:
            host.set_deadline(self, host.now())
