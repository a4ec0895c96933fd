"""What a source may ask of the IO side. A source is ``Any`` here: it stands above."""

import threading
from collections.abc import Callable
from typing import Any, Protocol


class Host(Protocol):
    """The IO side, to a source. Safe from any thread."""

    lock: "threading.RLock"

    def now(self) -> float:
        """Return the dispatcher's time."""

    def verify(self, source: Any) -> None:
        """End the source and raise OSError if its number is not its file's any more."""

    def update(self, source: Any) -> None:
        """Watch the source's descriptor as its interest and pause now say."""

    def limit(self, source: Any, rate: float | None, burst: float) -> None:
        """Take so many events a second at most; None: as many as come."""

    def set_fd(self, source: Any, fd: int | None) -> None:
        """Watch this descriptor instead of the present one; None: no one.

        Raises:
            OSError: It can't be watched. None is watched then.
        """

    def reschedule(self, source: Any) -> None:
        """Call ``source.on_ready`` in the next turn, whatever the poller says.

        What is edge-triggered and has not read to the end asks for it.
        """

    def adopt(self, child: Any, parent: Any) -> None:
        """Add a source that another one has made; IO side only."""

    def children(self, parent: Any) -> tuple[Any, ...]:
        """Return the open sources that a source has adopted, in the order they came."""

    def shared(self, kind: Callable[[], Any]) -> Any:
        """Return the dispatcher's one source of a class; the first who asks adds it.

        Raises:
            OSError: It can't be made, or added.
        """

    def set_deadline(self, source: Any, when: float | None) -> None:
        """Call ``source.on_deadline`` at this time; None: not at all."""

    def wake(self, source: Any) -> None:
        """Call ``source.on_wake`` soon. From a signal handler too."""

    def in_background(self, function: Callable[[], None]) -> None:
        """Call a function that may block on a thread of its own, as soon as one is free."""

    def discard_pending(self, source: Any) -> None:
        """Drop what the source has made and no handler has seen yet."""

    def unregister(self, source: Any, *, discard: bool) -> None:
        """End the source; ``silence`` drops its events that still wait."""

    def stop(self) -> None:
        """Stop the dispatcher."""
