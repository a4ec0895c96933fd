"""Instruments around the calls of handlers: added, removed, and no reference left."""

import functools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import Dispatcher, Event
from evdispatch._core._callbacks import Due
from evdispatch._handlers._handler import Handler
from evdispatch._handlers._instruments import Instrument
from evdispatch._handlers._routes import Subscription
from evdispatch.testing import ManualSource

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 3)),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("on"), st.sampled_from([{}, {"once": True}, {"weak": True}])),
        st.tuples(st.just("event"), st.none()),
    ),
    max_size=20,
)


class Noting(Instrument):
    """Notes the calls."""

    def __init__(self, name: int, notes: list[Any]) -> None:
        self.name = name
        self.notes = notes

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        return (
            call
            if subscription.selector is Due
            else functools.partial(self.note, call, takes_event)
        )

    def note(self, call: Handler, takes_event: bool, event: Event) -> Any:
        self.notes.append(self.name)
        return call(event) if takes_event else call()

    def close(self) -> None: ...

    def abandon(self) -> None: ...


class Receiver:
    """An object with a handler."""

    def __init__(self, notes: list[Any]) -> None:
        self.notes = notes

    def handle(self) -> None:
        self.notes.append("received")


@settings(deadline=None)
@given(steps=STEPS)
def test_probes_any_steps_surround_each_call(steps: list[Any]) -> None:
    notes: list[Any] = []
    present: list[int] = []
    with Dispatcher(io="inline") as app:
        registry = app._registry
        probes = {name: Noting(name, notes) for name in range(4)}
        receivers = []
        bare: dict[int, tuple[Subscription, Any]] = {}
        expected = 0
        for what, which in [*steps, *(("end", name) for name in range(4))]:
            if what == "begin" and which not in present:
                present.append(which)
                registry.instruments.add(probes[which])
            elif what == "end":
                assert registry.instruments.remove(probes[which]) == (which in present)
                present = [name for name in present if name != which]
            elif what == "on":
                receivers.append(receiver := Receiver(notes))
                app.on(Event, **which)(receiver.handle)
            elif what == "event":
                expected = len(registry) - 1
                notes.clear()
                app.post(Event())
                app.step(0)
                assert notes == [*reversed(present), "received"] * expected
            for subscription in registry.scope.all_subscriptions():
                bare.setdefault(
                    id(subscription),
                    (subscription, subscription.bare or subscription.called),
                )
        for subscription, call in bare.values():
            assert subscription.called == call or not subscription.alive


def test_instrument_that_wraps_no_calls_leaves_them_as_they_are() -> None:
    class Turns(Instrument):
        observes_turns = True

        def __init__(self) -> None:
            self.turns: list[str] = []

        def before_turn(self, source: Any) -> None:
            self.turns.append(f"before {source.name}")

        def after_turn(self, source: Any) -> None:
            self.turns.append(f"after {source.name}")

    seen: list[Event] = []
    with Dispatcher(io="inline") as app:
        app.on(Event)(seen.append)
        (subscription,) = app._registry.scope.subscriptions[Event]
        called = subscription.called
        turns = Turns()
        app._registry.instruments.add(turns)
        assert subscription.called == called
        source = app.add(ManualSource("made"))
        source.emit(Event())
        app.step(0)
    assert turns.turns == ["before made", "after made"]
    assert len(seen) == 1
