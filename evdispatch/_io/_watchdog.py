"""The thread that looks on while handlers are called.

- It looks every `LOOK` seconds as long as there are passes, and calls no handler.
- It sleeps for good once there was no pass at `CALM` looks. It says so, and *then* looks for a
  pass; a pass says that it begins, and *then* looks whether to rouse it.

These pairs are plain reads and writes in the order of the program, which the GIL keeps. A
free-threaded CPython keeps it for objects' attributes as well: they are read and written
under per-object locks, or with sequentially consistent atomics.
"""

import functools
import threading
from collections.abc import Callable

from evdispatch._errors import InternalError
from evdispatch._io._driver import FAILED, IoDriver
from evdispatch._io._sampler import Sampler
from evdispatch._io._threads import Worker

LOOK = 0.005  # seconds between two looks; what takes longer is slow
CALM = 40  # looks in turn without a pass: 200 ms


class Watchdog:
    """Has a thread that looks on, and takes the stacks of slow handlers.

    Args:
        name: The thread's name.
        request_check: Wakes the dispatch side, which raises what the thread has failed with.
        sampler: Takes the stacks; None: nobody wants them.

    Attributes:
        asleep: Whether it sleeps for good, until it is roused.
    """

    def __init__(
        self, name: str, request_check: Callable[[], None], sampler: Sampler | None
    ) -> None:
        self._name = name
        self._alert = request_check
        self._sampler = sampler
        self._passing = False  # handlers are being called
        self._beat = 0  # counts the passes
        self._seen = 0  # the pass at the last look
        self._calm = 0  # looks in turn without one
        self.asleep = False
        self._alarm = threading.Lock()  # held, but for the moment of a rouse
        self._alarm.acquire()
        self._thread: Worker | None = None
        self._ending = False
        if sampler is not None:
            sampler.nudge = functools.partial(_ring, self._alarm)

    # -- the thread that dispatches ------------------------------------------------------

    def start(self) -> None:
        """Have the other thread."""
        if self._ending:
            self.end()
        if self._thread is None:
            self._thread = _Watcher(self.stand_by, self._name, self._alert)

    def check(self) -> None:
        """See whether the other thread has failed.

        Raises:
            InternalError: It has.
        """
        thread = self._thread
        if thread is not None and thread.failure is not None:
            raise InternalError(FAILED) from thread.failure

    def begin(self) -> None:
        """A pass begins: have the other thread look on."""
        self._beat += 1
        self._passing = True  # before the look: see above
        if self.asleep:
            self._rouse()

    def finish(self) -> None:
        """The pass is over."""
        self._passing = False

    def end(self) -> None:
        """End the other thread."""
        thread = self._thread
        if thread is not None:
            self._ending = True
            self._rouse()
            self._interrupt()
            thread.wait()
            self._thread = None  # not before: an impatient ctrl+c may end the wait
            self._ending = self.asleep = False

    def _rouse(self) -> None:
        self.asleep = False
        _ring(self._alarm)

    def _interrupt(self) -> None:
        """End another wait than that for the alarm."""

    # -- the other thread ----------------------------------------------------------------

    def stand_by(self) -> None:
        """Look every now and then, until told to end."""
        while not self._ending:
            self._alarm.acquire(timeout=LOOK)
            self.look_on()

    def look_on(self) -> None:
        """Act if a handler holds the dispatch thread; sleep if none was called for long."""
        if self._passing:
            self._calm = 0
            if self._sampler is not None:
                self._sampler.look()
            seen, self._seen = self._seen, self._beat
            if seen == self._seen:
                self._stay_for(seen)
        elif self._calm < CALM:
            self._calm += 1
        else:
            self._calm = 0
            self._sleep()

    def _stay_for(self, beat: int) -> None:
        """Look on until a pass is over, which has lasted from one look to the next."""
        while self._sampler is not None and self._is_on(beat):
            timeout = self._sampler.look()
            self._alarm.acquire(timeout=-1 if timeout is None else timeout)

    def _is_on(self, beat: int) -> bool:
        """Whether a pass goes on, and is to be looked on at."""
        return self._passing and self._beat == beat and not self._ending

    def _sleep(self) -> None:
        self.asleep = True
        if not self._passing and not self._ending:  # after saying so: see above
            self._alarm.acquire()
        self.asleep = False


def _ring(alarm: threading.Lock) -> None:
    if alarm.locked():  # nobody else releases it
        alarm.release()


class _Watcher(Worker):
    """The other thread."""

    def __init__(
        self, function: Callable[[], None], name: str, request_check: Callable[[], None]
    ) -> None:
        self._alert = request_check
        super().__init__(function, name)

    def on_failure(self) -> None:
        """Wake the dispatch side, which raises it."""
        self._alert()


class Watched:
    """Pumps as another one does, and has a thread that looks on.

    Args:
        driver: What pumps.
        watchdog: Looks on.
    """

    def __init__(self, driver: IoDriver, watchdog: Watchdog) -> None:
        self._driver = driver
        self._lookout = watchdog

    def start(self) -> None:
        """Be ready, and have the thread."""
        self._driver.start()
        self._lookout.start()

    def before_step(self) -> None:
        """As it does."""
        self._driver.before_step()

    def wait(self, timeout: float | None) -> None:
        """Wait as it does; raise what the thread has failed with."""
        self._lookout.check()
        self._driver.wait(timeout)

    def look(self) -> None:
        """As it does."""
        self._driver.look()

    def begin(self) -> None:
        """Do as it does, and have the thread look on."""
        self._driver.begin()
        self._lookout.begin()

    def finish(self) -> None:
        """The pass is over."""
        try:
            self._lookout.finish()
        finally:
            self._driver.finish()

    def prepare_to_wait(self) -> None:
        """As it does."""
        self._driver.prepare_to_wait()

    def has_work(self) -> bool:
        """As it does."""
        return self._driver.has_work()

    def fileno(self) -> int:
        """As it does."""
        return self._driver.fileno()

    def end(self) -> None:
        """End what was begun."""
        try:
            self._lookout.end()
        finally:
            self._driver.end()
