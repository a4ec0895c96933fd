"""`Dispatcher.explain`: which handlers an event reaches, and why not the others."""

import functools
import re
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import HANDLED, Dispatcher, Error, Event, Source
from evdispatch.testing import settle


@attrs.define(eq=False)
class Letter(Event):
    """What these tests post."""

    weight: int
    to: str = ""


class Sender(Source):
    """Makes nothing by itself."""


def light(weight: int) -> bool:
    return weight < 3


def test_explain_several_handlers_lists_verdicts_in_order_of_calls(
    app: Dispatcher,
) -> None:
    def first() -> None: ...
    def second() -> None: ...
    def third() -> None: ...
    def fourth() -> None: ...

    app.on(Letter, weight=2)(second)
    app.on("letter", weight=light, to=re.compile("^a"), priority=1)(first)
    app.on(Event, where=lambda event: event.weight > 9)(third)
    app.on(Letter, to={"b", "c"})(fourth)
    explanation = app.explain(Letter(2, "b"))
    name = f"{__name__}.test_explain_several_handlers_lists_verdicts_in_order_of_calls.<locals>."
    assert [str(each).removeprefix(name) for each in explanation.verdicts] == [
        "first: refused by to=re.compile('^a'), it is 'b'",
        "second: called",
        f"third: refused by where={name}<lambda>",
        "fourth: called",
    ]
    assert explanation.handlers == (second, fourth)
    assert str(explanation).splitlines()[0] == "Letter(weight=2, to='b') of None:"
    (refused, *_) = app.explain(Letter(7)).verdicts
    assert str(refused).endswith(f"refused by weight={__name__}.light, it is 7")


def test_explain_no_handler_says_so(app: Dispatcher) -> None:
    assert str(app.explain(Letter(1))).endswith("no handler")


def test_explain_handler_of_another_source_is_not_called(app: Dispatcher) -> None:
    one, other = app.add(Sender()), app.add(Sender())

    @one.on(Letter)
    def handle() -> None: ...

    assert app.explain(Letter(1, source=one)).handlers == (handle,)
    for source in (other, None):
        explanation = app.explain(Letter(1, source=source))
        assert explanation.handlers == ()
        assert "registered for another source" in str(explanation)


def test_explain_event_of_closed_source_is_dropped(app: Dispatcher) -> None:
    sender = app.add(Sender())
    app.on(Letter)(lambda: None)
    sender.close()
    explanation = app.explain(Letter(1, source=sender))
    assert explanation.dropped
    assert explanation.handlers == ()
    assert "dropped" in str(explanation)


def test_explain_handler_error_of_closed_source_is_not_dropped(
    app: Dispatcher,
) -> None:
    sender = app.add(Sender())
    app.on("error")(lambda: None)
    sender.close()
    event = Letter(1, source=sender)
    for about, dropped in ((event, False), (None, True)):
        error = Error(LookupError(), about, source=sender)
        assert app.explain(error).dropped is dropped


def test_explain_filter_that_raises_names_the_exception(app: Dispatcher) -> None:
    app.on(Letter, where=lambda event: event.height > 1)(lambda: None)
    (verdict,) = app.explain(Letter(1)).verdicts
    assert not verdict.called
    assert "AttributeError" in str(verdict)


def test_explain_removed_handlers_are_left_out(app: Dispatcher) -> None:
    class Receiver:
        def handle(self) -> None: ...

    def handle() -> None: ...

    receiver = Receiver()
    app.on(Letter, weak=True)(receiver.handle)
    app.on(Letter)(handle)
    app.off(handle)
    assert len(app.explain(Letter(1)).verdicts) == 1
    del receiver
    assert app.explain(Letter(1)).verdicts == ()


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
            st.sampled_from([Letter, "letter", Event]),
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
def test_explain_any_handlers_matches_dispatch(
    handlers: list[Any], weight: int, to: str, of: str | None
) -> None:
    called: list[int] = []
    with Dispatcher(io="inline") as app:
        places: dict[str, Any] = {"app": app}
        places |= {name: app.add(Sender()) for name in ("one", "other")}
        for number, (event, options, priority, place) in enumerate(handlers):
            kept = options if event is not Event else {}
            handle = functools.partial(called.append, number)
            places[place].on(event, priority=priority, **kept)(handle)
        letter = Letter(weight, to, source=places[of] if of else None)
        explanation = app.explain(letter)
        app._runner._dispatch.handle(letter)
        numbers = [each.args[0] for each in explanation.handlers]  # type: ignore[union-attr]
    assert numbers == called


def test_explain_handler_returning_handled_is_not_foreseen(app: Dispatcher) -> None:
    received: list[str] = []

    @app.on(Letter)
    def first() -> Any:
        received.append("first")
        return HANDLED

    @app.on(Letter)
    def second() -> None:
        received.append("second")

    assert app.explain(Letter(1)).handlers == (first, second)
    app.post(Letter(1))
    settle(app)
    assert received == ["first"]


def test_explain_calls_no_handler(app: Dispatcher) -> None:
    called: list[int] = []
    app.on(Letter, once=True)(lambda: called.append(1))
    for _ in range(2):
        assert len(app.explain(Letter(1)).handlers) == 1
    assert called == []
