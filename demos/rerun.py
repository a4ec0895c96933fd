"""Runs a command, and runs it again when files change: what `evdispatch watch` does.

    python demos/rerun.py src python -m unittest
    python demos/rerun.py notes.md make notes.html

The command's output is passed on. If it is still running, it is ended first. Ctrl+c ends both.
"""

import contextlib
import os
import signal
import subprocess
import sys

from evdispatch import Dispatcher, Fd, Watch

IGNORE = [".git/", "__pycache__/", "*.swp", "*~"]  # what would run it for ever


class Rerun:
    """One child at a time. Its end is told by a pidfd."""

    def __init__(self, app: Dispatcher, command: list[str]) -> None:
        self.app = app
        self.command = command
        self.child: subprocess.Popen[bytes] | None = None
        self.again = False

    def run(self) -> None:
        """Run the command; if it is running, end it and run it then."""
        if self.child is not None:
            self.again = True
            self.end()
            return
        command = self.command
        self.child = subprocess.Popen(command, process_group=0)  # noqa: S603 (the user's)
        pidfd = os.pidfd_open(self.child.pid)
        ended = self.app.add(Fd(pidfd))

        @ended.on("readable")
        def final_events() -> None:
            ended.close()
            os.close(pidfd)
            if self.child is not None:
                print(f"ended with {self.child.wait()}", flush=True)
            self.child = None
            if self.again:
                self.again = False
                self.run()

    def end(self) -> None:
        """Tell the child, and whatever it has started, to end."""
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGTERM)


def main() -> None:
    """Run the demo."""
    path, *command = sys.argv[1:] or [""]
    if not command:
        sys.exit("usage: rerun.py PATH COMMAND ...")
    with Dispatcher() as app:
        rerun = Rerun(app, command)
        watch = app.add(Watch(path, ignore=IGNORE, debounce=0.1))
        for name in ("created", "modified", "deleted", "moved"):
            watch.on(name)(rerun.run)
        app.on("start")(rerun.run)
        # Else ctrl+c might come while a child is being made, and leave it behind.
        signal.signal(signal.SIGINT, lambda *_: app.stop())
        app.run()
        rerun.end()
        if rerun.child is not None:
            rerun.child.wait()


if __name__ == "__main__":
    main()
