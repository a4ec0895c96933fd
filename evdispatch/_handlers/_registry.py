"""The registry adds and removes subscriptions: `on`, `off`, `register` and `unregister`.

Subscriptions change on the dispatch thread, or while no thread dispatches.
"""

import functools
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Any

from evdispatch._checks import check_interval
from evdispatch._errors import HandlerTypeError
from evdispatch._handlers._filters import check_selector, compile_filters, join
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

    Attributes:
        check_thread: Raises if this is not the dispatch thread; None without debug mode.
    """

    def __init__(self, now: Callable[[], float], after: After) -> None:
        self._now = now
        self._after = after
        self.scope = Scope()
        self._order = itertools.count()
        self._by_owner: dict[int, tuple[Any, list[Subscription]]] = {}
        self._dead: deque[Subscription] = deque()  # weak; the object was collected
        self.instruments = Instruments(self.scope)
        self.check_thread: Callable[[], None] | None = None

    def __len__(self) -> int:
        return sum(each.alive for each in self.scope.all_subscriptions())

    def on(self, scope: Scope, event: Any, options: dict[str, Any]) -> Any:
        """Return a decorator; with a bare function, register it at once."""

        def register(handler: Any) -> Any:
            named = event_name(handler) if event is None or is_bare(event) else event
            self._add(self._make(scope, handler, named, **options))
            return handler

        if is_bare(event):
            return register(event)
        if event is not None:
            check_selector(event)  # raise here, not when the decorator is called
        return register

    def off(self, handler: Any) -> int:
        """Remove all subscriptions of a handler and return how many there were."""
        if self.check_thread is not None:
            self.check_thread()
        self._remove_dead()
        key = identity(handler)
        found = [each for each in self.scope.all_subscriptions() if each.key == key]
        for subscription in found:
            self._remove(subscription)
        return len(found)

    def register(self, obj: Any) -> None:
        """Add all marked handlers of an instance or module; all or none.

        Raises:
            HandlerTypeError: Nothing is marked, or something marked is not a handler.
            ValueError: The object is registered already.
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
            self._add(subscription)
        self._by_owner[id(obj)] = (obj, subscriptions)

    def unregister(self, obj: Any) -> None:
        """Remove all handlers that `register` added.

        Raises:
            ValueError: The object is not registered.
        """
        if self.check_thread is not None:
            self.check_thread()
        try:
            _, subscriptions = self._by_owner.pop(id(obj))
        except KeyError:
            raise ValueError(f"{obj!r} is not registered") from None
        for subscription in subscriptions:
            self._remove(subscription)

    def _add(self, subscription: Subscription) -> None:
        if self.check_thread is not None:
            self.check_thread()
        self._remove_dead()
        self.instruments.fit(subscription)
        subscription.order = next(self._order)
        subscription.alive = True
        scope, selector = subscription.scope, subscription.selector
        scope.subscriptions.setdefault(selector, []).append(subscription)
        scope.drop_routes(selector)

    def _remove(self, subscription: Subscription) -> None:
        subscription.alive = False  # not called for the present event either
        scope, selector = subscription.scope, subscription.selector
        subscriptions = scope.subscriptions.get(selector, [])
        if subscription in subscriptions:
            subscriptions.remove(subscription)
            if not subscriptions:
                del scope.subscriptions[selector]  # else old names of timers leak
            scope.drop_routes(selector)

    def _remove_dead(self) -> None:
        while self._dead:
            self._remove(self._dead.popleft())

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
            raise TypeError(f"priority must be a number, got {priority!r}")
        if math.isnan(priority):
            raise ValueError("priority must be a number with an order, got NaN")
        selector = check_selector(event)
        subscription = Subscription(scope, selector, handler, priority)
        subscription.filters = compile_filters(selector, where, fields)
        subscription.test = join(subscription.filters)
        if weak:
            # The collector may run on any thread: only record it here.
            subscription.weaken(functools.partial(self._dead.append, subscription))
        if once:
            forget = functools.partial(self._remove, subscription)
            subscription.call = functools.partial(call_once, forget, subscription.call)
        self._limit_rate(subscription, throttle, debounce)
        return subscription

    def _limit_rate(
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
            raise ValueError("throttle and debounce cannot be combined")
        limited = kind(subscription, interval, self._now, self._after)
        subscription.rate_limited = limited
        subscription.call, subscription.takes_event = limited.on_event, True
