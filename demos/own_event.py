"""An event of your own, posted by another thread.

A worker thread computes and posts; the handlers run on the thread that called `run`, so
they need no locks. Run it: ``python demos/own_event.py``. It ends with the work.
"""

import threading

import attrs

from evdispatch import Dispatcher, Event


@attrs.define(eq=False)
class Progress(Event):
    """So much is done. Its name is the class's in lower case: `progress`."""

    percent: int


def work(app: Dispatcher) -> None:
    """Search for primes, and tell how far it has come."""
    last = 5000
    for number in range(1, last + 1):
        all(number % divisor for divisor in range(2, number))
        if number % (last // 4) == 0:
            # Allowed from any thread. It waits while the queue is full.
            app.post(Progress(percent=100 * number // last))


def main() -> None:
    """Do the work in a thread and show its progress in this one."""
    with Dispatcher() as app:

        @app.on("progress")
        def show(event: Progress) -> None:
            print(f"{event.percent:3} %")

        # Filters are checked when the handler is registered: `percentage=` would be an
        # error here and now. A set means: any of these.
        @app.on("progress", percent={25, 75})
        def quarter() -> None:
            print("      a quarter or three")

        @app.on("progress", percent=100)
        def done() -> None:
            print("done")
            app.stop()

        worker = threading.Thread(target=work, args=[app])
        worker.start()
        app.run()
        worker.join()


if __name__ == "__main__":
    main()
