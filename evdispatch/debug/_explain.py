"""`Dispatcher.explain`: which handlers an event calls, and why the others are not called.

It uses the route and the filters of dispatch, so the answer matches dispatch. Whether a handler
will return HANDLED is not known before its call.
"""

from collections.abc import Callable
from typing import Any

import attrs

from evdispatch._events import Event
from evdispatch._handlers._handler import describe
from evdispatch._handlers._routes import Scope, Subscription, is_dropped


@attrs.frozen
class Verdict:
    """Whether an event calls one handler.

    Attributes:
        handler: The handler; None if a weak handler's object was collected.
        called: Whether it is called, unless an earlier handler returns HANDLED.
        reason: Why it is not called; empty if it is.
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
    """Which handlers an event would call now; its text has a line for each.

    Attributes:
        event: The event.
        verdicts: In the order of calls; last the handlers registered for other sources only.
        dropped: Whether no handler is called, because the source was closed.
    """

    event: Event
    verdicts: tuple[Verdict, ...]
    dropped: bool

    @property
    def handlers(self) -> tuple[Callable[..., Any] | None, ...]:
        """The handlers that are called, in order, unless one returns HANDLED."""
        return tuple(each.handler for each in self.verdicts if each.called)

    def __str__(self) -> str:
        head = f"{self.event!r} of {self.event.source!r}"
        if self.dropped:
            return f"{head}: dropped, its source was closed"
        lines = [f"  {each}" for each in self.verdicts] or ["  no handler"]
        return "\n".join((f"{head}:", *lines))


def explain(event: Event, root: Scope) -> Explanation:
    """Return which handlers an event calls.

    Args:
        event: The event; filters that are functions are called with it.
        root: The scope without a parent.
    """
    dropped = is_dropped(event)
    route = root.of(event.source).find(type(event))
    verdicts = [
        _judge(subscription, event, dropped=dropped)
        for subscription in route
        if subscription.alive
    ]
    selectors = {*type(event).names, *type(event).__mro__}
    verdicts += [
        Verdict(
            subscription.handler, called=False, reason="registered for another source"
        )
        for subscription in root.all_subscriptions()
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
        except Exception as error:  # dispatch reports it as an error of the handler
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
    except AttributeError:  # not a field, or a field of another class
        return "nothing"
