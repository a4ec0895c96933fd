"""Why an event reaches the handlers that it reaches: what `Dispatcher.explain` tells.

The route and the filters are those that dispatch uses, so that it can't say anything else
than what happens. What a handler does is not known before it is called.
"""

from collections.abc import Callable
from typing import Any

import attrs

from evdispatch._events import Event
from evdispatch._handlers._handler import describe
from evdispatch._handlers._routes import Scope, Subscription, is_dropped


@attrs.frozen
class Verdict:
    """What becomes of an event at one handler.

    Attributes:
        handler: The handler; None: it was registered with ``weak``, and is gone.
        called: Whether it is called. One before it may end the event's way (HANDLED).
        reason: Why not; empty if it is.
    """

    handler: Callable[..., Any] | None
    called: bool
    reason: str = ""

    def __str__(self) -> str:
        name = (
            "a handler that is gone" if self.handler is None else describe(self.handler)
        )
        return f"{name}: {'called' if self.called else self.reason}"


@attrs.frozen
class Explanation:
    """Which handlers an event reaches, as things are now; its text has a line for each.

    Attributes:
        event: The event.
        verdicts: In the order of calls; last those that hear it of other sources alone.
        dropped: Whether nobody is told, since its source was closed.
    """

    event: Event
    verdicts: tuple[Verdict, ...]
    dropped: bool

    @property
    def handlers(self) -> tuple[Callable[..., Any] | None, ...]:
        """Return who is called, in this order, unless one of them returns HANDLED."""
        return tuple(each.handler for each in self.verdicts if each.called)

    def __str__(self) -> str:
        head = f"{self.event!r} of {self.event.source!r}"
        if self.dropped:
            return f"{head}: dropped, its source was closed"
        lines = [f"  {each}" for each in self.verdicts] or ["  nobody hears it"]
        return "\n".join((f"{head}:", *lines))


def explain(event: Event, everybody: Scope) -> Explanation:
    """Tell which handlers an event reaches.

    Args:
        event: The event; filters that are functions are called with it.
        everybody: The scope above all others.
    """
    dropped = is_dropped(event)
    route = everybody.of(event.source).find(type(event))
    verdicts = [
        _judge(subscription, event, dropped=dropped)
        for subscription in route
        if subscription.alive
    ]
    selectors = {*type(event).names, *type(event).__mro__}
    verdicts += [
        Verdict(subscription.handler, called=False, reason="hears another source")
        for subscription in everybody.all_subscriptions()
        if subscription.selector in selectors
        and subscription.alive
        and subscription not in route
    ]
    return Explanation(event, tuple(verdicts), dropped)


def _judge(subscription: Subscription, event: Event, *, dropped: bool) -> Verdict:
    if dropped:
        return Verdict(
            subscription.handler, called=False, reason="its source was closed"
        )
    for each in subscription.filters:
        try:
            passed = each.test(event)
        except Exception as error:  # dispatch tells it as an error of the handler
            reason = f"{each.name}={_shown(each.value)} raises {error!r}"
            return Verdict(subscription.handler, called=False, reason=reason)
        if not passed:
            has = "" if each.name == "where" else f", it is {_value(event, each.name)}"
            reason = f"refused by {each.name}={_shown(each.value)}{has}"
            return Verdict(subscription.handler, called=False, reason=reason)
    return Verdict(subscription.handler, called=True)


def _shown(value: Any) -> str:
    return describe(value) if callable(value) else repr(value)


def _value(event: Event, name: str) -> str:
    try:
        return repr(getattr(event, name))
    except AttributeError:  # a filter that is no field, or a field of another class
        return "nothing"
