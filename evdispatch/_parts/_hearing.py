"""Registering handlers with a dispatcher; what that does is `_registry`'s to know."""

from collections.abc import Callable
from typing import Any, overload

from evdispatch._events import Event
from evdispatch._handlers._handler import F
from evdispatch._handlers._registry import Registry
from evdispatch._parts._embedding import Embedding
from evdispatch.debug._explain import Explanation, explain


class Hearing(Embedding):
    """The part of a `Dispatcher` that handlers are registered with."""

    _registry: Registry

    @overload
    def on(
        self,
        event: str | type[Event] | None = None,
        /,
        *,
        priority: float = 0,
        once: bool = False,
        weak: bool = False,
        where: Callable[[Any], Any] | None = None,
        throttle: float | None = None,
        debounce: float | None = None,
        **fields: Any,
    ) -> Callable[[F], F]: ...
    @overload
    def on(self, event: F, /) -> F: ...
    def on(
        self,
        event: Any = None,
        /,
        *,
        priority: float = 0,
        once: bool = False,
        weak: bool = False,
        where: Callable[[Any], Any] | None = None,
        throttle: float | None = None,
        debounce: float | None = None,
        **fields: Any,
    ) -> Any:
        """Register a handler: ``@app.on("key", key="q")``. On the dispatch thread.

        The handler takes the event, or nothing; an optional parameter is its own, unless
        called ``event``. Returning HANDLED ends the event's way.

        Args:
            event: The event's name or class; a class hears its subclasses too. Without
                brackets, ``@app.on`` takes the name from a function ``on_<name>``.
            priority: Higher comes first; equal ones in order of registration.
            once: Remove the handler before its first call.
            weak: Do not keep the object of a bound method alive.
            where: A test of the whole event.
            throttle: Call it at most once in so many seconds for each source: at once,
                and at the end of them with the last event that came meanwhile.
            debounce: Call it with the last event of a source, when none has come for so
                many seconds.
            fields: What fields of the event must be: a plain value by ``==``, a set by
                membership, a callable by its truth, a compiled pattern by ``search``.
                ``key`` takes key names: ``key="ctrl+s"``, ``keys`` several in a row:
                ``keys=("ctrl+x", "ctrl+s")``.

        Returns:
            A decorator that returns the function unchanged.

        Raises:
            UnknownEventError: No event has this name.
            FilterError: The event has no such field, or it never has this value.
            HandlerTypeError: The function can't be a handler.
            ValueError: An interval is not above 0, or both were given.
        """
        self._check_open()
        options = {
            "priority": priority,
            "once": once,
            "weak": weak,
            "where": where,
            "throttle": throttle,
            "debounce": debounce,
        }
        return self._registry.on(self._registry.scope, event, {**options, **fields})

    def explain(self, event: Event) -> Explanation:
        """Tell which handlers an event reaches, and why not the others. On the dispatch thread.

        Nothing is called but filters that are functions: ``print(app.explain(event))``.
        """
        self._check_process()
        return explain(event, self._registry.scope)

    def off(self, handler: Callable[..., Any]) -> int:
        """Remove a handler wherever it is registered. On the dispatch thread.

        Returns:
            How many registrations there were; 0 is no error.
        """
        self._check_process()
        return self._registry.off(handler)

    def register(self, obj: Any) -> None:
        """Add what the free `on` has marked in an instance or a module; all or nothing.

        Raises:
            HandlerTypeError: Nothing is marked, or something marked is no handler.
            ValueError: It is registered already.
        """
        self._check_open()
        self._registry.register(obj)

    def unregister(self, obj: Any) -> None:
        """Remove what `register` added.

        Raises:
            ValueError: It is not registered.
        """
        self._check_process()
        self._registry.unregister(obj)
