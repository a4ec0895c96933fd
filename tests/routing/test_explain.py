"""`Dispatcher.explain`: who hears an event, and why the others do not."""

import functools
import re
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import HANDLED, Dispatcher, Error, Event, Source
from evdispatch.testing import settle


@attrs.define(eq=False)
class Parcel(Event):
    """What these tests post."""

    weight: int
    to: str = ""


class Sender(Source):
    """Makes nothing by itself."""


def light(weight: int) -> bool:
    return weight < 3


def test_each_verdict_in_the_order_of_calls(app: Dispatcher) -> None:
    def first() -> None: ...
    def second() -> None: ...
    def third() -> None: ...
    def fourth() -> None: ...

    app.on(Parcel, weight=2)(second)
    app.on("parcel", weight=light, to=re.compile("^a"), priority=1)(first)
    app.on(Event, where=lambda event: event.weight > 9)(third)
    app.on(Parcel, to={"b", "c"})(fourth)
    told = app.explain(Parcel(2, "b"))
    name = f"{__name__}.test_each_verdict_in_the_order_of_calls.<locals>."
    assert [str(each).removeprefix(name) for each in told.verdicts] == [
        "first: refused by to=re.compile('^a'), it is 'b'",
        "second: called",
        f"third: refused by where={name}<lambda>",
        "fourth: called",
    ]
    assert told.handlers == (second, fourth)
    assert str(told).splitlines()[0] == "Parcel(weight=2, to='b') of None:"
    (refused, *_) = app.explain(Parcel(7)).verdicts
    assert str(refused).endswith(f"refused by weight={__name__}.light, it is 7")


def test_nobody(app: Dispatcher) -> None:
    assert str(app.explain(Parcel(1))).endswith("nobody hears it")


def test_of_another_source(app: Dispatcher) -> None:
    one, other = app.add(Sender()), app.add(Sender())

    @one.on(Parcel)
    def hear() -> None: ...

    assert app.explain(Parcel(1, source=one)).handlers == (hear,)
    for source in (other, None):
        told = app.explain(Parcel(1, source=source))
        assert told.handlers == ()
        assert "hears another source" in str(told)


def test_of_a_source_that_was_closed(app: Dispatcher) -> None:
    sender = app.add(Sender())
    app.on(Parcel)(lambda: None)
    sender.close()
    told = app.explain(Parcel(1, source=sender))
    assert told.dropped
    assert told.handlers == ()
    assert "dropped" in str(told)


def test_what_a_handler_raised_is_told_though_its_source_was_closed(
    app: Dispatcher,
) -> None:
    sender = app.add(Sender())
    app.on("error")(lambda: None)
    sender.close()
    event = Parcel(1, source=sender)
    for about, dropped in ((event, False), (None, True)):
        error = Error(LookupError(), about, source=sender)
        assert app.explain(error).dropped is dropped


def test_a_filter_that_raises(app: Dispatcher) -> None:
    app.on(Parcel, where=lambda event: event.height > 1)(lambda: None)
    (verdict,) = app.explain(Parcel(1)).verdicts
    assert not verdict.called
    assert "AttributeError" in str(verdict)


def test_what_was_removed_or_is_gone_is_not_told(app: Dispatcher) -> None:
    class Hearer:
        def hear(self) -> None: ...

    def hear() -> None: ...

    hearer = Hearer()
    app.on(Parcel, weak=True)(hearer.hear)
    app.on(Parcel)(hear)
    app.off(hear)
    assert len(app.explain(Parcel(1)).verdicts) == 1
    del hearer
    assert app.explain(Parcel(1)).verdicts == ()


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "weight": st.one_of(st.integers(0, 4), st.just(light), st.just({1, 2})),
        "to": st.sampled_from(["", "a", re.compile("a")]),
        "where": st.just(lambda event: event.weight != 2),
    },
)


@settings(deadline=None)
@given(
    handlers=st.lists(
        st.tuples(
            st.sampled_from([Parcel, "parcel", Event]),
            FILTERS,
            st.integers(-1, 1),
            st.sampled_from(["app", "one", "other"]),
        ),
        max_size=6,
    ),
    weight=st.integers(0, 4),
    to=st.sampled_from(["", "a", "ab"]),
    of=st.sampled_from([None, "one", "other"]),
)
def test_it_tells_what_dispatch_does(
    handlers: list[Any], weight: int, to: str, of: str | None
) -> None:
    called: list[int] = []
    with Dispatcher(io="inline") as app:
        places: dict[str, Any] = {"app": app}
        places |= {name: app.add(Sender()) for name in ("one", "other")}
        for number, (event, options, priority, place) in enumerate(handlers):
            kept = options if event is not Event else {}
            hear = functools.partial(called.append, number)
            places[place].on(event, priority=priority, **kept)(hear)
        parcel = Parcel(weight, to, source=places[of] if of else None)
        told = app.explain(parcel)
        app._runner._dispatch.handle(parcel)
        numbers = [each.args[0] for each in told.handlers]  # type: ignore[union-attr]
    assert numbers == called


def test_who_ends_the_way_is_not_known_before(app: Dispatcher) -> None:
    heard: list[str] = []

    @app.on(Parcel)
    def first() -> Any:
        heard.append("first")
        return HANDLED

    @app.on(Parcel)
    def second() -> None:
        heard.append("second")

    assert app.explain(Parcel(1)).handlers == (first, second)
    app.post(Parcel(1))
    settle(app)
    assert heard == ["first"]


def test_it_calls_no_handler(app: Dispatcher) -> None:
    called: list[int] = []
    app.on(Parcel, once=True)(lambda: called.append(1))
    for _ in range(2):
        assert len(app.explain(Parcel(1)).handlers) == 1
    assert called == []
