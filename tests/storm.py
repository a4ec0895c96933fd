"""A program under a storm of ctrl+c: does it lose a line, or leave a thread?"""

import os
import signal
import sys
import threading
from typing import Any

from evdispatch import Dispatcher, Line, Pipe

LINES = 200_000
PRESSES = 300  # and no more: on a slow machine nothing else would be done
PACE = 0.003  # seconds


class Stormy(Dispatcher):
    """Lets SIGINT through in a run alone: elsewhere it would end the program."""

    def _enter(self) -> None:
        super()._enter()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _leave(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        super()._leave()


def storm(io_mode: Any) -> None:
    """Run again and again until all is read."""
    ended = threading.Event()
    reading, writing = os.pipe()

    def press() -> None:
        for _ in range(PRESSES):
            if ended.wait(PACE):
                break
            os.kill(os.getpid(), signal.SIGINT)  # the main thread alone takes it

    def feed() -> None:
        os.write(writing, b"line\n" * LINES)
        os.close(writing)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threads = [threading.Thread(target=each) for each in (press, feed)]
    for thread in threads:
        thread.start()
    interrupted = 0
    got: list[Line] = []
    with Stormy(io=io_mode) as app:
        pipe = app.add(Pipe(reading, framing="lines"))
        pipe.on("line")(got.append)  # C code: it is not interrupted
        pipe.on("eof")(ended.set)
        while not ended.is_set():
            app.after(0.002, app.stop)
            try:
                app.run()
            except KeyboardInterrupt:
                interrupted += 1
            assert not [t for t in threading.enumerate() if "evdispatch" in t.name]
    for thread in threads:
        thread.join()
    assert interrupted > 10, interrupted
    assert len(got) == LINES, len(got)


if __name__ == "__main__":
    storm(sys.argv[1])
