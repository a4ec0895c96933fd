"""Subscriptions, and the routes from a class of events to its handlers.

- A *subscription* is one registration: a handler, its event, and its filters.
- A *route* is the tuple of subscriptions of one class of events in the order of calls: higher
  priority first, then order of registration. It is built at the first event and dropped when
  a matching subscription is added or removed. So finding a route is one dictionary look-up.
- A *scope* holds the subscriptions of one source, or of a source and its children. The scope
  without a parent holds those for all sources. A source's scope is freed with the source.
"""

import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from evdispatch._errors import HandlerTypeError
from evdispatch._events import Error, Event
from evdispatch._handlers._filters import Filter, Selector, Test
from evdispatch._handlers._handler import (
    Handler,
    call_foreign,
    call_weakly,
    describe,
    identity,
    is_python,
    takes_event,
)

_KEPT = 1024
"""The maximum number of cached routes of a scope. Each name of a timer has its class."""


class Target(Protocol):
    """What calls a handler: its subscription, or the subscription's `RateLimitedHandler`."""

    call: Handler
    takes_event: bool


class Subscription:
    """One registration; ``call`` gets the event if ``takes_event``, else nothing.

    Attributes:
        get_handler: Returns the registered handler; None if a weak handler's object was
            collected. It does not reference the subscription.
        rate_limited: Calls the handler, if it is throttled or debounced.
        bare: The call and whether it takes the event, without any instrument.
        timing: The times of the calls, for `debug._slow`; else None.
    """

    __slots__ = (
        "alive",
        "bare",
        "call",
        "filters",
        "get_handler",
        "key",
        "order",
        "priority",
        "rate_limited",
        "scope",
        "selector",
        "takes_event",
        "test",
        "timing",
    )

    def __init__(
        self, scope: "Scope", selector: Selector, handler: Handler, priority: float
    ) -> None:
        self.takes_event = takes_event(handler)
        self.scope = scope
        self.selector = selector
        self.key = identity(handler)
        self.get_handler: Callable[[], Handler | None] = lambda: handler
        # A builtin has no Python frame, which Ctrl+C needs: see `calls_handlers`.
        self.call = (
            handler if is_python(handler) else functools.partial(call_foreign, handler)
        )
        self.priority = priority
        self.filters: tuple[Filter, ...] = ()
        self.test: Test | None = None  # all filters in one
        self.order = 0
        self.alive = False
        self.rate_limited: Target | None = None
        self.bare: tuple[Handler, bool] | None = None
        self.timing: Any = None

    @property
    def handler(self) -> Handler | None:
        """The registered handler; None if a weak handler's object was collected."""
        return self.get_handler()

    @property
    def called(self) -> tuple[Handler, bool]:
        """The call of the handler itself, and whether it takes the event."""
        target = self.rate_limited or self
        return target.call, target.takes_event

    def set_called(self, call: Handler, *, takes_event: bool) -> None:
        """Replace the call of the handler itself, from the next event on."""
        target = self.rate_limited or self
        target.call, target.takes_event = call, takes_event

    def weaken(self, forget: Callable[[], None]) -> None:
        """Reference the object of a bound method weakly; ``forget`` is called at its end."""
        method = self.get_handler()
        if not isinstance(method, types.MethodType):
            raise HandlerTypeError(
                f"weak=True is for bound methods, got {describe(method)}"
            )

        def die(_: Any) -> None:
            self.alive = False
            forget()

        reference = self.get_handler = weakref.WeakMethod(method, die)
        self.call = functools.partial(call_weakly, reference)


Route = tuple[Subscription, ...]


def is_failure(event: Event) -> bool:
    """Whether the event is about the exception of a handler, not of a source."""
    return isinstance(event, Error) and event.event is not None


def is_dropped(event: Event) -> bool:
    """Whether an event is not delivered, because the user has closed its source.

    An `error` event about a handler is not an event of the source, and is delivered.
    """
    source = event.source
    discarding = source is not None and source.registration.discarding
    return discarding and not event.deliver_after_close and not is_failure(event)


class Scope:
    """The subscriptions of one source or of all, and the routes built from them."""

    __slots__ = ("__weakref__", "_children", "parent", "routes", "subscriptions")

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.parent = parent
        self.subscriptions: dict[Selector, list[Subscription]] = {}
        self.routes: dict[type[Event], Route] = {}
        self._children: weakref.WeakValueDictionary[int, Scope]
        self._children = weakref.WeakValueDictionary()
        if parent is not None:
            parent._children[id(self)] = self  # noqa: SLF001 (another scope)

    def of(self, source: Any) -> "Scope":
        """Return the scope of a source, or of posts; called on the scope without a parent."""
        return self if source is None else source.registration.scope or self

    def find(self, cls: type[Event]) -> Route:
        """Return the route of a class of events."""
        route = self.routes.get(cls)
        return self.build_route(cls) if route is None else route

    def has_no_handlers(self, cls: type[Event]) -> bool:
        """Whether dispatch has found that a class has no handler. From any thread.

        False until the first dispatch of the class, and again after a handler was added.
        """
        return self.routes.get(cls) == ()

    def build_route(self, cls: type[Event]) -> Route:
        """Build, cache and return the route of a class of events."""
        found = sorted(
            self.matching(cls), key=lambda each: (-each.priority, each.order)
        )
        if len(self.routes) >= _KEPT:
            self.routes.clear()
        route = self.routes[cls] = tuple(found)
        return route

    def matching(self, cls: type[Event]) -> Iterator[Subscription]:
        """Yield the subscriptions for a class or its bases, here and above, unordered."""
        if self.parent is not None:
            yield from self.parent.matching(cls)
        selectors: tuple[Any, ...] = (*cls.names, *cls.__mro__)
        for selector in selectors:
            yield from self.subscriptions.get(selector, ())

    def all_subscriptions(self) -> Iterator[Subscription]:
        """Yield the subscriptions here and below, as they are now. From any thread."""
        for subscriptions in list(self.subscriptions.values()):
            yield from tuple(subscriptions)
        for child in self.children():
            yield from child.all_subscriptions()

    def children(self) -> Iterator["Scope"]:
        """Yield the scopes that have this one as parent. From any thread."""
        for reference in self._children.valuerefs():  # an atomic copy
            child = reference()
            if child is not None:
                yield child

    def drop_routes(self, selector: Selector) -> None:
        """Drop the routes of all classes that a selector matches, here and below."""
        for cls in list(self.routes):
            if selector in cls.names or selector in cls.__mro__:
                del self.routes[cls]
        for child in self.children():
            child.drop_routes(selector)
