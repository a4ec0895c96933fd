"""A command that is run, and run again: one child at a time, in a group of its own."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence

from evdispatch import Dispatcher, Fd, Handle


class Rerun:
    """Runs a command; when asked to run it again, ends it first if it is still running.

    The child's end is told by its pidfd, so nobody asks for it time and again.

    Args:
        app: The dispatcher.
        command: The program and its arguments.
        grace: How long a child has to end after SIGTERM, in seconds; then it is killed.
        clear: Whether the screen is cleared before each run.
    """

    def __init__(
        self,
        app: Dispatcher,
        command: Sequence[str],
        *,
        grace: float = 5.0,
        clear: bool = False,
    ) -> None:
        self._app = app
        self._command = command
        self._grace = grace
        self._clear = clear
        self._child: subprocess.Popen[bytes] | None = None
        self._end: Fd | None = None  # readable when the child has ended
        self._pidfd = -1
        self._deadline: Handle | None = None  # of one that is to end
        self._again = False

    @property
    def is_running(self) -> bool:
        """Whether a child is, or is about to end."""
        return self._child is not None

    def run(self) -> None:
        """Run the command, anew if it is running.

        Raises:
            OSError: It can't be started.
        """
        if self._child is None:
            self._start()
            return
        self._again = True
        if self._deadline is None:
            self._signal(signal.SIGTERM)
            self._deadline = self._app.after(self._grace, self.kill)

    def kill(self) -> None:
        """Kill the child; from a signal handler, too."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """End the child and wait for it; it is killed when its time is up."""
        child = self._child
        if child is None:
            return
        self._signal(signal.SIGTERM)
        try:
            child.wait(self._grace)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            child.wait()
        self._forget()

    def _start(self) -> None:
        if self._clear:
            os.write(1, b"\033[H\033[2J\033[3J")
        command = self._command
        child = subprocess.Popen(  # noqa: S603 (the user's own)
            command, stdin=subprocess.DEVNULL, process_group=0
        )
        self._child = child
        self._pidfd = os.pidfd_open(child.pid)
        self._end = self._app.add(Fd(self._pidfd))
        self._end.on("readable")(self._on_end)

    def _on_end(self) -> None:
        if self._child is not None:
            self._child.wait()
        self._forget()
        if self._again:
            self._again = False
            self._start()

    def _forget(self) -> None:
        """Let go of a child that has ended."""
        self._child = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._end is not None:
            self._end.close()
            self._end = None
            os.close(self._pidfd)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(self._child.pid, number)
