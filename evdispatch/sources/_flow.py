"""When a source is read: not while the user has paused it, nor while its rate is used up.

Both hold it back in the same way, so what a source asks itself before it reads is whether
it is held back at all. `paused` is the user's alone: a paused timer leaves its ticks out,
one that is held back has them wait.
"""

import contextlib

from evdispatch._core._rates import Bucket, check_rate
from evdispatch.sources._host import Host


class Flow:
    """The part of a `Source` that holds it back."""

    __slots__ = ("_bucket", "_host", "_inode", "_paused")

    def __init__(self) -> None:
        self._host: Host | None = None
        self._inode: tuple[int, int] | None = None  # which one, if it can't be polled
        self._paused = False  # by the user or its rate: it is not to be read
        self._bucket: Bucket | None = (
            None  # its rate, if it is limited: knows who it was
        )

    @property
    def paused(self) -> bool:
        """Whether the source is paused."""
        return self._paused if self._bucket is None else self._bucket.paused

    @property
    def held_back(self) -> bool:
        """Whether it is not read, since it was paused, or its rate is used up."""
        return self._paused

    @property
    def _pollable(self) -> bool:
        """Whether the poller tells when it is ready; else it is always to be asked."""
        return self._inode is None

    @property
    def _held_back(self) -> bool:
        """Whether it is not read since its rate is used up."""
        return self._bucket is not None and self._bucket.held

    def pause(self) -> None:
        """Read no more until `resume`, from any thread; what is queued is handled.

        Deadlines and what `wake` asks for go on, up to a turn's worth of events.
        """
        self._note_pause(paused=True)

    def resume(self) -> None:
        """Go on reading. From any thread."""
        self._note_pause(paused=False)

    def _note_pause(self, *, paused: bool) -> None:
        host = self._host
        with contextlib.nullcontext() if host is None else host.lock:
            if self._bucket is not None:
                self._bucket.paused = paused
            self._paused = paused or self._held_back
            if host is not None:
                host.update(self)

    def limit_rate(self, rate: float | None, burst: int | None = None) -> None:
        """Take no more than so many events a second. From any thread, also before it is added.

        When they are used up the source is not read: the kernel pushes back, and nothing is
        lost. A `throttled` event tells when that begins, and another one, with ``active``
        False, when the source has come so little for so long that the whole burst would be
        there again. `error` events, and the last ones of a source that is closed, are not
        held back; what a source does in a pause, it does then, too. The connections of a
        listener are sources of their own.

        Args:
            rate: In events a second, above 0; None or infinity: as many as come.
            burst: How many may come at once, after a while without any. None: a tenth of
                a second's, at least 1.

        Raises:
            TypeError: They are no numbers.
            ValueError: NaN; a rate that is not above 0, a burst below 1.
        """
        checked, most = check_rate(rate, burst)
        if self._host is not None:
            self._host.limit(self, checked, most)
        else:
            paused, self._bucket = self.paused, None
            if checked is not None:
                self._bucket = Bucket(self, checked, most, paused=paused)

    def on_released(self) -> None:
        """It is held back by its rate no more, and goes on."""
