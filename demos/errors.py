"""A handler that fails: what becomes of its exception.

Run it: ``python demos/errors.py``. Three ways, one after the other.
"""

import logging
import sys

import attrs

from evdispatch import Dispatcher, Error, Event, HandlerError


@attrs.define(eq=False)
class Order(Event):
    """Somebody wants so many."""

    amount: int


def share(order: Order) -> None:
    """Fail on an order of none."""
    print(f"each gets {12 // order.amount}")


def ask(app: Dispatcher) -> None:
    """Order some, none, and some again; then stop."""
    app.on("order")(share)
    for amount in 3, 0, 4:
        app.post(Order(amount))
    app.after(0.01, app.stop)


def main() -> None:
    """Show the three ways."""
    print("1. Nobody handles it: it leaves run(), which says who failed on what.")
    with Dispatcher() as app:
        ask(app)
        try:
            app.run()
        except HandlerError as error:
            print(f"{error.__cause__!r} in {error.handler.__name__} on {error.event}")
        app.run()  # what was queued is still there: the loop can go on

    print("2. A handler of `error` takes it, and the loop goes on.")
    with Dispatcher() as app:

        @app.on("error")
        def tell(event: Error) -> None:
            print(f"{event.exception!r} on {event.event}")

        ask(app)
        app.run()

    print("3. With on_error='log' it is logged, and the loop goes on.")
    logging.basicConfig(stream=sys.stdout, format="%(name)s: %(message)s")
    with Dispatcher(on_error="log") as app:
        ask(app)
        app.run()


if __name__ == "__main__":
    main()
