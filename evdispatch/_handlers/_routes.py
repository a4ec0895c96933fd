"""Who hears what: the subscriptions, and the routes that dispatch follows.

- An *subscription* is one registration: a handler, what it hears, and its filter.
- A *route* is the immutable snapshot of subscriptions for one class of events, in order:
  higher priority first, then order of registration. Routes are built when first asked
  for and forgotten when an subscription they depend on comes or goes, so finding one is one
  look-up, however many handlers and sources there are.
- A *scope* holds the subscriptions of one source, or of a source and its children; the one
  without a parent holds everybody's. Nothing else holds an subscription, so the handlers of a
  source go with it.
- A name hears the classes that bear it, a class hears its subclasses too.
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

_ROUTES = 1024
"""How many routes a scope keeps: names come and go, a timer's for instance."""


class Paced(Protocol):
    """What calls a handler later; see `_pacing`."""

    handler: Handler
    takes_event: bool


class Subscription:
    """One registration; ``call`` gets the event if ``takes_event``, else nothing.

    Attributes:
        pace: What calls the handler in its place, if that is paced.
        bare: What is called, and whether with the event, when no probe is around it.
        timing: What `debug._slow` measures of the calls; else None.
    """

    __slots__ = (
        "_handler",
        "alive",
        "bare",
        "call",
        "filters",
        "key",
        "order",
        "pace",
        "priority",
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
        self._handler: Callable[[], Handler | None] = lambda: handler
        # A builtin has no frame in which ctrl+c could find it: see `calls_handlers`.
        self.call = (
            handler if is_python(handler) else functools.partial(call_foreign, handler)
        )
        self.priority = priority
        self.filters: tuple[Filter, ...] = ()
        self.test: Test | None = None  # all of them in one
        self.order = 0
        self.alive = False
        self.pace: Paced | None = None
        self.bare: tuple[Handler, bool] | None = None
        self.timing: Any = None

    @property
    def handler(self) -> Handler | None:
        """What was registered; None if it was weak, and is gone."""
        return self._handler()

    @property
    def find(self) -> Callable[[], Handler | None]:
        """What returns `handler`, and does not hold the subscription."""
        return self._handler

    @property
    def called(self) -> tuple[Handler, bool]:
        """What is called when it is time to, and whether with the event."""
        if self.pace is None:
            return self.call, self.takes_event
        return self.pace.handler, self.pace.takes_event

    def have_called(self, call: Handler, *, takes_event: bool) -> None:
        """Have something else called, from the next event on."""
        if self.pace is None:
            self.call, self.takes_event = call, takes_event
        else:
            self.pace.handler, self.pace.takes_event = call, takes_event

    def weaken(self, forget: Callable[[], None]) -> None:
        """Hold the bound method's object no more; ``forget`` is called when it is gone."""
        method = self._handler()
        if not isinstance(method, types.MethodType):
            raise HandlerTypeError(
                f"weak=True is for bound methods: {describe(method)} would be gone at once"
            )

        def die(_: Any) -> None:
            self.alive = False
            forget()

        reference = self._handler = weakref.WeakMethod(method, die)
        self.call = functools.partial(call_weakly, reference)


Route = tuple[Subscription, ...]


def is_failure(event: Event) -> bool:
    """Whether the event tells of a handler's exception, not of a source's."""
    return isinstance(event, Error) and event.event is not None


def is_dropped(event: Event) -> bool:
    """Whether nobody is to be told of an event, since the user has closed its source.

    What a handler raised is no event of the source's, and is told.
    """
    source = event.source
    silenced = source is not None and source.registration.discarding
    return silenced and not event.deliver_after_close and not is_failure(event)


class Scope:
    """The subscriptions of one source (or of everybody), and the routes built from them."""

    __slots__ = ("__weakref__", "_children", "parent", "routes", "subscriptions")

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.parent = parent
        self._children: weakref.WeakValueDictionary[int, Scope]
        self._children = weakref.WeakValueDictionary()
        self.subscriptions: dict[Selector, list[Subscription]] = {}
        self.routes: dict[type[Event], Route] = {}
        if parent is not None:
            parent._children[id(self)] = self  # noqa: SLF001 (another scope)

    def of(self, source: Any) -> "Scope":
        """Return where an event of a source, or of none, finds its handlers."""
        return self if source is None else source.registration.scope or self

    def find(self, cls: type[Event]) -> Route:
        """Return the route of a class of events."""
        route = self.routes.get(cls)
        return self.route(cls) if route is None else route

    def has_no_handlers(self, cls: type[Event]) -> bool:
        """Whether dispatch has found that nobody hears a class. From any thread.

        A handler that comes makes it unknown again, and so False.
        """
        return self.routes.get(cls) == ()

    def route(self, cls: type[Event]) -> Route:
        """Build, keep and return the route of a class of events."""
        found = sorted(
            self.hearing(cls),
            key=lambda subscription: (-subscription.priority, subscription.order),
        )
        if len(self.routes) >= _ROUTES:
            self.routes.clear()
        route = self.routes[cls] = tuple(found)
        return route

    def hearing(self, cls: type[Event]) -> Iterator[Subscription]:
        """Yield the subscriptions that hear a class, in no order."""
        if self.parent is not None:
            yield from self.parent.hearing(cls)
        selectors: tuple[Any, ...] = (*cls.names, *cls.__mro__)
        for selector in selectors:
            yield from self.subscriptions.get(selector, ())

    def all_subscriptions(self) -> Iterator[Subscription]:
        """Yield the subscriptions here and below. From any thread, as they are at the moment."""
        for subscriptions in list(self.subscriptions.values()):
            yield from tuple(subscriptions)
        for child in self.children():
            yield from child.all_subscriptions()

    def children(self) -> Iterator["Scope"]:
        """Yield those that have this one as parent. From any thread: sources are added."""
        for reference in self._children.valuerefs():  # a list, made at once
            child = reference()
            if child is not None:
                yield child

    def forget(self, selector: Selector) -> None:
        """Drop the routes that an subscription with this selector belongs to, here and below."""
        for cls in list(self.routes):
            if selector in cls.names or selector in cls.__mro__:
                del self.routes[cls]
        for child in self.children():
            child.forget(selector)
