"""Queue policies: what happens to an event while others of its class wait.

================  ================================================================
``block``         all wait; while the queue is full, sources are not read
``latest``        the last one waits, in the place of the first
``merge``         one waits, in the place of the first, and merges the others
``drop_oldest``   at most ``limit`` wait; a further event replaces the oldest
``drop_newest``   at most ``limit`` wait; a further event is dropped
================  ================================================================
"""

from collections.abc import Callable
from typing import Any

import attrs

from evdispatch._checks import check_choice, check_count
from evdispatch._events import POLICIES, Event, event_classes
from evdispatch._handlers._filters import Selector, check_selector
from evdispatch._handlers._handler import check_two_arguments

LIMIT = 1000
"""The default maximum of waiting events, for policies that drop events."""

Merge = Callable[[Any, Any], Any]
"""Takes the waiting event and a later one; returns one for both, or None to keep both."""

# The maximum number of cached classes. Each name of a timer has its class, and names change.
_KEPT = 1024


@attrs.frozen
class Policy:
    """A policy other than ``block``.

    Attributes:
        merge: Merges two events into one; None: events are dropped.
        limit: The maximum number of waiting events of each source, if events are dropped.
        newest: Whether the newest event is dropped, not the oldest.
    """

    merge: Merge | None
    limit: int = LIMIT
    newest: bool = False


def _latest(_: Event, later: Event) -> Event:
    return later


def call_merge(waiting: Event, later: Event) -> Event | None:
    """Merge two events by the method of their class."""
    return waiting.merge(later)


class Policies:
    """The policies of one dispatcher.

    A class has the policy that was set for it, else the one set for its nearest base class,
    else the one that it declares (`Event.queue_policy`). A class that declares ``fixed``, or
    is delivered after a close, always blocks: an end or an error must not be lost.

    Attributes:
        by_class: The policy of each class looked up so far; None: block. `set` replaces it
            under `Registrations.lock`. Posts read it without that lock, so a concurrent post
            may still use the previous policy.
    """

    def __init__(self) -> None:
        self.by_class: dict[type[Event], Policy | None] = {}
        self._given: dict[Selector, tuple[int, Policy | None]] = {}
        self._serial = 0  # of a class and its name, the selector set later counts

    def set(self, event: Selector, policy: str | Merge, limit: int) -> None:
        """Set the policy of a class and its subclasses. See `Dispatcher.set_policy`."""
        selector = check_selector(event)
        classes = [selector] if isinstance(selector, type) else event_classes(selector)
        if all(_is_fixed(cls) for cls in classes):
            raise ValueError(
                f"{classes[0].name} events are never dropped or merged:"
                " a policy cannot be set for them"
            )
        if policy == "merge" and not any(_can_merge(cls) for cls in classes):
            raise ValueError(
                f"{classes[0].__name__} has no merge() of its own: pass a function"
            )
        made = make_policy(policy, check_count("limit", limit))
        self._serial += 1
        self._given[selector] = (self._serial, made)
        self.by_class = {}

    def find(self, cls: type[Event]) -> Policy | None:
        """Return the policy of a class; None: block."""
        by_class = self.by_class  # read once: `set` may replace it meanwhile
        try:
            return by_class[cls]
        except KeyError:
            if len(by_class) >= _KEPT:
                by_class.clear()
            policy = by_class[cls] = self._choose(cls)
            return policy

    def _choose(self, cls: type[Event]) -> Policy | None:
        if _is_fixed(cls):
            return None
        for base in cls.__mro__:
            selectors: list[Any] = [base]
            name = getattr(base, "name", None)
            if name in cls.names:  # a timer with another name is not a `tick`
                selectors.append(name)
            given = [self._given[each] for each in selectors if each in self._given]
            if given:
                return max(given, key=lambda pair: pair[0])[1]
        return make_policy(cls.queue_policy, LIMIT)


def make_policy(policy: str | Merge, limit: int) -> Policy | None:
    """Return a policy by its name, or the one that merges by a function; None: block.

    Raises:
        ValueError: No policy has this name.
        TypeError: It is neither a name nor a function.
        HandlerTypeError: The function can't be called with two events.
    """
    if callable(policy):
        check_two_arguments(policy)
        return Policy(policy)
    if not isinstance(policy, str):
        raise TypeError(f"policy must be a name or a function, got {policy!r}")
    check_choice("policy", policy, POLICIES)
    if policy == "block":
        return None
    if policy in ("latest", "merge"):
        return Policy(_latest if policy == "latest" else call_merge)
    return Policy(None, limit, newest=policy == "drop_newest")


def _is_fixed(cls: type[Event]) -> bool:
    return cls.deliver_after_close or cls.queue_policy == "fixed"


def _can_merge(cls: type[Event]) -> bool:
    own: Any = cls.merge
    return own is not Event.merge and callable(own)
