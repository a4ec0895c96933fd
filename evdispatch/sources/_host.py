"""What a source may ask of the IO side. Typed with ``Any`` for a source, which stands above."""

import threading
from collections.abc import Callable
from typing import Any, Protocol


class Host(Protocol):
    """The IO side as a source sees it. Every method may be called from any thread."""

    lock: "threading.RLock"

    debug: bool
    """Whether checks that cost time are on: see `Dispatcher`."""

    def now(self) -> float:
        """Return the dispatcher's time."""

    def verify(self, source: Any) -> None:
        """Check that the source's descriptor still is the file that was registered.

        Raises:
            OSError: Someone else has closed it (EBADF). The source has ended.
        """

    def update(self, source: Any) -> None:
        """Watch the source's descriptor as its interest and pause now say."""

    def limit(self, source: Any, rate: float | None, burst: float) -> None:
        """Take so many events a second at most; None: as many as come."""

    def set_fd(self, source: Any, fd: int | None) -> None:
        """Replace the watched descriptor; None stops watching.

        Raises:
            OSError: It can't be watched. None is watched then.
        """

    def reschedule(self, source: Any) -> None:
        """Call ``source.on_ready`` in the next turn, whatever the poller says.

        For an edge-triggered source that has not read to the end.
        """

    def adopt(self, child: Any, parent: Any) -> None:
        """Add a source that another one has made; IO side only."""

    def children(self, parent: Any) -> tuple[Any, ...]:
        """Return the open sources that a source has adopted, in the order they came."""

    def shared(self, kind: Callable[[], Any]) -> Any:
        """Return the dispatcher's one source of a class; the first call adds it.

        Raises:
            OSError: It can't be made, or added.
        """

    def set_deadline(self, source: Any, when: float | None) -> None:
        """Call ``source.on_deadline`` at this time; None: not at all."""

    def wake(self, source: Any) -> None:
        """Call ``source.on_wake`` soon. From a signal handler too."""

    def in_background(self, function: Callable[[], None]) -> None:
        """Call a function that may block on a thread of the pool."""

    def discard_pending(self, source: Any) -> None:
        """Drop what the source has made and no handler has received yet."""

    def unregister(self, source: Any, *, discard: bool) -> None:
        """End the source; ``discard`` drops its events that still wait."""

    def stop(self) -> None:
        """Stop the dispatcher."""
