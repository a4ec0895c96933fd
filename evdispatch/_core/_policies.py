"""Queue policies: what becomes of an event while others of its class wait.

================  ==================================================================
``block``         they all wait; when the queue is full, nothing more is taken in
``latest``        the last one waits, in the place of the first
``merge``         one waits, in the place of the first, and has taken the others in
``drop_oldest``   so many wait; one more, and the oldest is dropped
``drop_newest``   so many wait; one more is dropped
================  ==================================================================

- A class has the policy that was set for it, or for the nearest of its bases for which one
  was set; else the one that it declares (`Event.queue_policy`).
- A class whose policy is ``fixed`` is left alone by all that: what tells of a beginning, an
  end or an error, and what is looked after once it was handled. So is what is ``final``: it
  is told though its source was closed, and may not be lost in what is dropped then.
- What a policy does is `_slots`' to know.
"""

from collections.abc import Callable
from typing import Any

import attrs

from evdispatch._checks import check_choice, check_count
from evdispatch._events import POLICIES, Event, event_classes
from evdispatch._handlers._filters import Selector, check_selector
from evdispatch._handlers._handler import check_two_arguments

LIMIT = 1000
"""How many events of a class that drops may wait, unless it is said."""

Merge = Callable[[Any, Any], Any]
"""Takes the event that waits and a later one; returns what waits on, or None: both do."""

_KEPT = 1024  # classes whose policy is known: names come and go, a timer's for instance


class _Unknown:
    """It was not asked for yet."""


_UNKNOWN = _Unknown()


@attrs.frozen
class Policy:
    """What becomes of an event while others of its class wait.

    Attributes:
        merge: What makes one of two; None: it drops.
        limit: How many may wait, for each source, if it drops.
        newest: Whether it drops what comes, not what waits.
    """

    merge: Merge | None
    limit: int = LIMIT
    newest: bool = False


def _latest(_: Event, later: Event) -> Event:
    return later


def merge_itself(waiting: Event, later: Event) -> Event | None:
    """Have the event that waits take the later one in."""
    return waiting.merge(later)


class Policies:
    """The policies of one dispatcher. Changed and asked under the registrations's lock.

    But posts ask without it: what they get may be the policy of a moment ago.
    """

    def __init__(self) -> None:
        self._given: dict[Selector, tuple[int, Policy | None]] = {}
        self._serial = 0  # of two that are as near, the later one holds
        self._found: dict[type[Event], Policy | None] = {}
        self.plain: dict[type[Event], None] = {}  # classes known to have no policy

    def set(self, event: Selector, policy: str | Merge, limit: int) -> None:
        """Set the policy of a class, and of those below it. See `Dispatcher.set_policy`."""
        selector = check_selector(event)
        classes = [selector] if isinstance(selector, type) else event_classes(selector)
        if all(_is_fixed(cls) for cls in classes):
            raise ValueError(f"each {classes[0].name} is told: no policy is for it")
        if policy == "merge" and not any(_can_merge(cls) for cls in classes):
            raise ValueError(
                f"{classes[0].__name__} has no merge() of its own: give a function"
            )
        made = make_policy(policy, check_count("limit", limit))
        self._serial += 1
        self._given[selector] = (self._serial, made)
        self._found = {}
        self.plain = {}

    def find(self, cls: type[Event]) -> Policy | None:
        """Return the policy of a class; None: block."""
        found, plain = self._found, self.plain  # first: `set` replaces them
        policy = found.get(cls, _UNKNOWN)
        if isinstance(policy, _Unknown):
            if len(found) >= _KEPT:
                found.clear()
                plain.clear()
            policy = found[cls] = self._choose(cls)
            if policy is None:
                plain[cls] = None
        return policy

    def _choose(self, cls: type[Event]) -> Policy | None:
        if _is_fixed(cls):
            return None
        for base in cls.__mro__:
            selectors: list[Any] = [base]
            name = getattr(base, "name", None)
            if name in cls.names:  # a timer of a name of its own is no `tick`
                selectors.append(name)
            given = [self._given[each] for each in selectors if each in self._given]
            if given:
                return max(given, key=lambda pair: pair[0])[1]
        return make_policy(cls.queue_policy, LIMIT)


def make_policy(policy: str | Merge, limit: int) -> Policy | None:
    """Return a policy by its name, or the one of a function; None: block.

    Raises:
        ValueError: There is no such policy.
        TypeError: It is no name, and no function.
        HandlerTypeError: The function can't be called with two events.
    """
    if callable(policy):
        check_two_arguments(policy)
        return Policy(policy)
    if not isinstance(policy, str):
        raise TypeError(f"a policy is a name or a function, not {policy!r}")
    check_choice("policy", policy, POLICIES)
    if policy == "block":
        return None
    if policy in ("latest", "merge"):
        return Policy(_latest if policy == "latest" else merge_itself)
    return Policy(None, limit, newest=policy == "drop_newest")


def _is_fixed(cls: type[Event]) -> bool:
    return cls.deliver_after_close or cls.queue_policy == "fixed"


def _can_merge(cls: type[Event]) -> bool:
    own: Any = cls.merge
    return own is not Event.merge and callable(own)
