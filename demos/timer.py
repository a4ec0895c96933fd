"""Timers: a named one, whose ticks are events, and calls of a function.

Run it: ``python demos/timer.py``. It ends after five ticks.
"""

from evdispatch import Dispatcher, Tick, Timer


def main() -> None:
    """Tick five times, and say something in between."""
    with Dispatcher() as app:
        # The timer's name is the name of its events. Ticks are due at whole multiples of
        # the interval, so they do not drift, whatever the handlers take.
        app.add(Timer("blink", every=0.1))

        @app.on("blink")
        def tell(tick: Tick) -> None:
            # A slow handler meets one late tick, which tells how many it stands for.
            print(f"tick {tick.count}, missed {tick.missed}")

        # Not `count=5`: on a busy machine that tick may be one of those left out.
        @app.on("blink", count=lambda count: count >= 5)
        def enough() -> None:
            print("that's enough")
            app.stop()

        # Without an event: a function, once or again and again. Both can be cancelled.
        app.after(0.15, lambda: print("after 0.15 s"))
        never = app.every(0.01, lambda: print("never seen"))
        never.cancel()

        app.run()


if __name__ == "__main__":
    main()
