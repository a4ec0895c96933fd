"""When a source is read: not while the user has paused it, nor while its rate is used up.

Both hold it back in the same way, so what a source asks itself before it reads is whether
it is held back at all. `paused` is the user's alone: a paused timer leaves its ticks out,
one that is held back has them wait.
"""

from evdispatch._rates import Bucket, check_rate
from evdispatch.sources._host import Host


class Flow:
    """The part of a `Source` that holds it back."""

    __slots__ = ("_bucket", "_held_back", "_host", "_paused", "_paused_by_user")

    def __init__(self) -> None:
        self._host: Host | None = None
        self._paused_by_user = False
        self._held_back = False  # by its rate
        self._paused = False  # by either: it is not to be read
        self._bucket: Bucket | None = None  # its rate, if it is limited

    @property
    def paused(self) -> bool:
        """Whether the source is paused."""
        return self._paused_by_user

    @property
    def held_back(self) -> bool:
        """Whether it is not read, since it was paused, or its rate is used up."""
        return self._paused

    def pause(self) -> None:
        """Read no more until `resume`, from any thread; what is queued is handled.

        Deadlines and what `wake` asks for go on, up to a turn's worth of events.
        """
        self._paused_by_user = True
        self._paused = True
        if self._host is not None:
            self._host.update(self)

    def resume(self) -> None:
        """Go on reading. From any thread."""
        self._paused_by_user = False
        if self._host is not None:
            self._host.update(self)
        else:
            self._paused = False

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
            self._bucket = None if checked is None else Bucket(self, checked, most)

    def on_released(self) -> None:
        """It is held back by its rate no more, and goes on."""
