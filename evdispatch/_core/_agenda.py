"""The deadlines of a dispatcher, and the alarm that is set for the nearest of them.

All of it is called under the registrations's lock.
"""

from evdispatch._core._clock import Clock
from evdispatch._core._deadlines import Deadlines, Owner, TimerId


class TimerQueue:
    """One heap, one alarm.

    Attributes:
        owners: Of the deadlines to come, by id; for a look whether there are any.
        alarm: Readable from the nearest deadline on.
        at_work: Whether somebody pumps, or will before anybody waits, and so will `rest`:
            until then no alarm is set, and nobody woken.
    """

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.at_work = False
        self._deadlines = Deadlines()
        self.owners = self._deadlines.owners
        self._armed: float | None = None
        self.alarm = clock.alarm()

    @property
    def count(self) -> int:
        """How many deadlines there have been."""
        return self._deadlines.count

    def add(self, when: float, owner: Owner) -> TimerId:
        """Have ``owner.on_deadline`` called at a time."""
        # What is past is due now: it would overtake what is due before it.
        return self.add_later(max(when, self.now()), owner)

    def add_later(self, when: float, owner: Owner) -> TimerId:
        """Do as `add`, for a time that is not past."""
        timer_id = self._deadlines.add(when, owner)
        if not self.at_work and (self._armed is None or when < self._armed):
            self.arm()
        return timer_id

    def cancel(self, timer_id: TimerId) -> None:
        """Forget a deadline.

        The alarm is left as it is: when it goes off for nobody, it is set anew. To find the
        nearest at each cancel would take a million timers a quarter longer.
        """
        self._deadlines.cancel(timer_id)

    def next(self) -> float | None:
        """Return the nearest deadline, or None."""
        return self._deadlines.next()

    def pending(self) -> list[tuple[float, Owner]]:
        """Return all deadlines, the nearest first."""
        return self._deadlines.pending()

    def pop(self, now: float, before: int) -> Owner | None:
        """Take out the nearest that is due; see `Deadlines.pop`."""
        return self._deadlines.pop(now, before)

    def prepare_to_wait(self) -> None:
        """Be at work no more: a wait begins."""
        self.at_work = False
        self.arm()

    def arm(self) -> None:
        """Set the alarm for the nearest deadline."""
        nearest = self._deadlines.next()
        if nearest != self._armed and self.alarm.fileno() >= 0:  # else closed
            self.alarm.set(nearest)
            self._armed = nearest
