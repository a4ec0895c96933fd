"""Several keys in a row as one binding: ``keys=("ctrl+x", "ctrl+s")``.

The last keys of each terminal are kept, as many as the sequence has, and compared whenever
one comes. So it needs no timer, and a sequence is found wherever it begins: ``a a b`` in
``a a a b``. Time is that of the events.
"""

import weakref
from collections import deque
from typing import Any

from evdispatch.terminal._bindings import Binding, KeyLike
from evdispatch.terminal._keys import MODIFIER_KEYS

WITHIN = 1.0  # seconds from one key to the next: time to find it, and not to forget


class KeySequence:
    """A test of key events: true at the last key of the sequence.

    Args:
        bindings: The keys, at least two.
        within: How long the next key may take, in seconds.
    """

    def __init__(self, bindings: list[Binding], within: float) -> None:
        self._bindings = bindings
        self._within = within
        self._pressed: weakref.WeakKeyDictionary[Any, deque[Any]] = (
            weakref.WeakKeyDictionary()
        )
        self._posted: deque[Any] = deque(maxlen=len(bindings))  # keys without a source

    def __call__(self, event: Any) -> bool:
        if event.action == "release" or event.key in MODIFIER_KEYS:
            return False  # ctrl may be let go and pressed again in between
        pressed = self._of(event.source)
        if pressed and event.time - pressed[-1].time > self._within:
            pressed.clear()
        pressed.append(event)
        if len(pressed) < len(self._bindings) or not self._match(pressed):
            return False
        pressed.clear()  # the next one begins afresh: g g g is one g g
        return True

    def _of(self, source: Any) -> deque[Any]:
        if source is None:
            return self._posted
        pressed = self._pressed.get(source)
        if pressed is None:
            pressed = self._pressed[source] = deque(maxlen=len(self._bindings))
        return pressed

    def _match(self, pressed: "deque[KeyLike]") -> bool:
        pairs = zip(self._bindings, pressed, strict=True)
        return all(binding.matches(event) for binding, event in pairs)
