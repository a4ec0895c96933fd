"""A source of your own: a process, as a descriptor that is readable once it has ended.

Linux gives a descriptor for a process (pidfd_open). That is all a source needs: what to
watch, and what it means when it is ready. Run it: ``python demos/own_source.py``.
"""

import os
import sys
from collections.abc import Iterator

import attrs

from evdispatch import Dispatcher, Event, Source


@attrs.define(eq=False)
class Ended(Event):
    """A process has ended, with this status; a negative one is a signal's number."""

    status: int


class Child(Source):
    """Tells when a child of this process, which nobody else waits for, has `ended`."""

    def __init__(self, pid: int) -> None:
        super().__init__(name=f"child {pid}")
        self._pid = pid
        self._pidfd = -1

    def on_add(self) -> None:
        """Open what is to be watched; an error here would be raised by `add`."""
        self._pidfd = os.pidfd_open(self._pid)

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._pidfd

    def on_ready(self, ready: int) -> Iterator[Event]:
        """Make the event: the child has ended, so waiting for it does not block."""
        _, status = os.waitpid(self._pid, 0)
        self.finish()  # the source ends too; what it still yields is handled
        yield Ended(os.waitstatus_to_exitcode(status))

    def on_close(self) -> None:
        """Give back what was opened. It is no longer watched by then."""
        if self._pidfd >= 0:
            os.close(self._pidfd)


def start(code: str) -> int:
    """Run Python code in a child process and return its number."""
    argv = [sys.executable, "-c", code]
    return os.posix_spawn(sys.executable, argv, os.environ)


def main() -> None:
    """Start two children and tell of their ends."""
    with Dispatcher() as app:
        good = app.add(Child(start("print('hello from a child', flush=True)")))

        @good.on("ended")  # this child's event alone
        def chain(event: Ended) -> None:
            print(f"the first ended with {event.status}")
            app.add(Child(start("raise SystemExit(3)")))

        @app.on("ended", status=3)  # any child's
        def done(event: Ended) -> None:
            print(f"the second ended with {event.status}")
            app.stop()

        app.run()


if __name__ == "__main__":
    main()
