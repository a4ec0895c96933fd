"""Registering: what `on`, `off` and `register` do with subscriptions; see `_routes`.

- Entries change on the dispatch thread, or while nobody dispatches.
- A paced subscription (see `_pacing`) takes the event, and calls the handler when it is time to.
"""

import functools
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Any

from evdispatch._checks import check_interval
from evdispatch._errors import HandlerTypeError
from evdispatch._handlers._filters import (
    check_selector,
    compile_filters,
    join,
)
from evdispatch._handlers._handler import (
    call_once,
    event_name,
    identity,
    is_bare,
    marked,
)
from evdispatch._handlers._instruments import Instruments
from evdispatch._handlers._routes import Scope, Subscription
from evdispatch._handlers._throttle import After, Debounce, RateLimitedHandler, Throttle


class Registry:
    """All subscriptions of a dispatcher.

    Args:
        now: The clock.
        after: Calls a function later, on the dispatch thread.
    """

    def __init__(self, now: Callable[[], float], after: After) -> None:
        self._now = now
        self._after = after
        self.scope = Scope()
        self._order = itertools.count()
        self._by_owner: dict[int, tuple[Any, list[Subscription]]] = {}
        self._dead: deque[Subscription] = deque()  # weak ones whose object is gone
        self.instruments = Instruments(self.scope)

    def __len__(self) -> int:
        return sum(
            subscription.alive for subscription in self.scope.all_subscriptions()
        )

    def on(self, scope: Scope, event: Any, options: dict[str, Any]) -> Any:
        """Return the decorator that registers; or register ``on_<name>``, bare."""

        def register(handler: Any) -> Any:
            named = event_name(handler) if event is None or is_bare(event) else event
            self.add(self._make(scope, handler, named, **options))
            return handler

        if is_bare(event):
            return register(event)
        if event is not None:
            # A misspelt event is told at this line, not at the handler's.
            check_selector(event)
        return register

    def add(self, subscription: Subscription) -> None:
        """Let an subscription hear events from the next one on."""
        self._bury()
        self.instruments.fit(subscription)
        subscription.order = next(self._order)
        subscription.alive = True
        subscription.scope.subscriptions.setdefault(subscription.selector, []).append(
            subscription
        )
        subscription.scope.forget(subscription.selector)

    def remove(self, subscription: Subscription) -> None:
        """Let an subscription hear nothing more, not even the event at hand."""
        subscription.alive = False
        table = subscription.scope.subscriptions
        subscriptions = table.get(subscription.selector, [])
        if subscription in subscriptions:
            subscriptions.remove(subscription)
            if not subscriptions:
                del table[
                    subscription.selector
                ]  # names come and go: it would be a leak
            subscription.scope.forget(subscription.selector)

    def _bury(self) -> None:
        while self._dead:
            self.remove(self._dead.popleft())

    def off(self, handler: Any) -> int:
        """Remove all subscriptions of a handler and return how many there were."""
        self._bury()
        key = identity(handler)
        subscriptions = [
            subscription
            for subscription in self.scope.all_subscriptions()
            if subscription.key == key
        ]
        for subscription in subscriptions:
            self.remove(subscription)
        return len(subscriptions)

    def register(self, obj: Any) -> None:
        """Add all that is marked in an instance or module; all or nothing.

        Raises:
            HandlerTypeError: Nothing is marked, or something marked is no handler.
            ValueError: It is registered already.
        """
        if id(obj) in self._by_owner:
            raise ValueError(f"{obj!r} is registered already")
        subscriptions = [
            self._make(self.scope, handler, event, **options)
            for handler, event, options in marked(obj)
        ]
        if not subscriptions:
            raise HandlerTypeError(f"nothing in {obj!r} is marked with @on")
        for subscription in subscriptions:
            self.add(subscription)
        self._by_owner[id(obj)] = (obj, subscriptions)

    def unregister(self, obj: Any) -> None:
        """Remove all that `register` added.

        Raises:
            ValueError: It is not registered.
        """
        try:
            _, subscriptions = self._by_owner.pop(id(obj))
        except KeyError:
            raise ValueError(f"{obj!r} is not registered") from None
        for subscription in subscriptions:
            self.remove(subscription)

    def _make(
        self,
        scope: Scope,
        handler: Any,
        event: Any,
        /,
        *,
        priority: float = 0,
        once: bool = False,
        weak: bool = False,
        where: Callable[[Any], Any] | None = None,
        throttle: float | None = None,
        debounce: float | None = None,
        **fields: Any,
    ) -> Subscription:
        if isinstance(priority, bool) or not isinstance(priority, (int, float)):
            raise TypeError(f"priority is a number, not {priority!r}")
        if math.isnan(priority):
            raise ValueError("priority can't be NaN: it has no place in any order")
        selector = check_selector(event)
        subscription = Subscription(scope, selector, handler, priority)
        subscription.filters = compile_filters(selector, where, fields)
        subscription.test = join(subscription.filters)
        if weak:
            # The collector may run on any thread: it only takes a note.
            subscription.weaken(functools.partial(self._dead.append, subscription))
        if once:
            forget = functools.partial(self.remove, subscription)
            subscription.call = functools.partial(call_once, forget, subscription.call)
        self._pace(subscription, throttle, debounce)
        return subscription

    def _pace(
        self, subscription: Subscription, throttle: float | None, debounce: float | None
    ) -> None:
        kind: type[RateLimitedHandler]
        if throttle is None and debounce is None:
            return
        if throttle is None:
            kind, interval = Debounce, check_interval("debounce", debounce)
        elif debounce is None:
            kind, interval = Throttle, check_interval("throttle", throttle)
        else:
            raise ValueError("a handler has throttle or debounce, not both")
        pace = kind(
            subscription.call,
            lambda: subscription.handler if subscription.alive else None,
            takes_event=subscription.takes_event,
            interval=interval,
            now=self._now,
            after=self._after,
        )
        subscription.call, subscription.takes_event, subscription.pace = (
            pace.hear,
            True,
            pace,
        )
