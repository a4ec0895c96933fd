"""Registering: what `on`, `off` and `register` do with entries; see `_routes`.

- Entries change on the dispatch thread, or while nobody dispatches.
- A paced entry (see `_pacing`) takes the event, and calls the handler when it is time to.
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
from evdispatch._handlers._instruments import Probes
from evdispatch._handlers._routes import Entry, Scope
from evdispatch._handlers._throttle import After, Debounce, Pace, Throttle


class Registry:
    """All entries of a dispatcher.

    Args:
        now: The clock.
        after: Calls a function later, on the dispatch thread.
    """

    def __init__(self, now: Callable[[], float], after: After) -> None:
        self._now = now
        self._after = after
        self.scope = Scope()
        self._order = itertools.count()
        self._by_owner: dict[int, tuple[Any, list[Entry]]] = {}
        self._dead: deque[Entry] = deque()  # weak ones whose object is gone
        self.probes = Probes(self.scope)

    def __len__(self) -> int:
        return sum(entry.alive for entry in self.scope.all_entries())

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

    def add(self, entry: Entry) -> None:
        """Let an entry hear events from the next one on."""
        self._bury()
        self.probes.fit(entry)
        entry.order = next(self._order)
        entry.alive = True
        entry.scope.entries.setdefault(entry.selector, []).append(entry)
        entry.scope.forget(entry.selector)

    def remove(self, entry: Entry) -> None:
        """Let an entry hear nothing more, not even the event at hand."""
        entry.alive = False
        table = entry.scope.entries
        entries = table.get(entry.selector, [])
        if entry in entries:
            entries.remove(entry)
            if not entries:
                del table[entry.selector]  # names come and go: it would be a leak
            entry.scope.forget(entry.selector)

    def _bury(self) -> None:
        while self._dead:
            self.remove(self._dead.popleft())

    def off(self, handler: Any) -> int:
        """Remove all entries of a handler and return how many there were."""
        self._bury()
        key = identity(handler)
        entries = [entry for entry in self.scope.all_entries() if entry.key == key]
        for entry in entries:
            self.remove(entry)
        return len(entries)

    def register(self, obj: Any) -> None:
        """Add all that is marked in an instance or module; all or nothing.

        Raises:
            HandlerTypeError: Nothing is marked, or something marked is no handler.
            ValueError: It is registered already.
        """
        if id(obj) in self._by_owner:
            raise ValueError(f"{obj!r} is registered already")
        entries = [
            self._make(self.scope, handler, event, **options)
            for handler, event, options in marked(obj)
        ]
        if not entries:
            raise HandlerTypeError(f"nothing in {obj!r} is marked with @on")
        for entry in entries:
            self.add(entry)
        self._by_owner[id(obj)] = (obj, entries)

    def unregister(self, obj: Any) -> None:
        """Remove all that `register` added.

        Raises:
            ValueError: It is not registered.
        """
        try:
            _, entries = self._by_owner.pop(id(obj))
        except KeyError:
            raise ValueError(f"{obj!r} is not registered") from None
        for entry in entries:
            self.remove(entry)

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
    ) -> Entry:
        if isinstance(priority, bool) or not isinstance(priority, (int, float)):
            raise TypeError(f"priority is a number, not {priority!r}")
        if math.isnan(priority):
            raise ValueError("priority can't be NaN: it has no place in any order")
        selector = check_selector(event)
        entry = Entry(scope, selector, handler, priority)
        entry.filters = compile_filters(selector, where, fields)
        entry.test = join(entry.filters)
        if weak:
            # The collector may run on any thread: it only takes a note.
            entry.weaken(functools.partial(self._dead.append, entry))
        if once:
            forget = functools.partial(self.remove, entry)
            entry.call = functools.partial(call_once, forget, entry.call)
        self._pace(entry, throttle, debounce)
        return entry

    def _pace(
        self, entry: Entry, throttle: float | None, debounce: float | None
    ) -> None:
        kind: type[Pace]
        if throttle is None and debounce is None:
            return
        if throttle is None:
            kind, interval = Debounce, check_interval("debounce", debounce)
        elif debounce is None:
            kind, interval = Throttle, check_interval("throttle", throttle)
        else:
            raise ValueError("a handler has throttle or debounce, not both")
        pace = kind(
            entry.call,
            lambda: entry.handler if entry.alive else None,
            takes_event=entry.takes_event,
            interval=interval,
            now=self._now,
            after=self._after,
        )
        entry.call, entry.takes_event, entry.pace = pace.hear, True, pace
