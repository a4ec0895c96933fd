"""Tutorial, step 1: a timer. The beginnings of a stopwatch.

Run it: ``python demos/tutorial_1.py``. It ends after three ticks.
"""

from evdispatch import Dispatcher, Tick, Timer


def main() -> None:
    """Count three ticks."""
    with Dispatcher() as app:
        app.add(Timer("tick", every=0.1))

        @app.on("tick")
        def show(event: Tick) -> None:
            print(f"{event.count / 10:.1f} s")

        @app.on("tick", count=lambda count: count >= 3)
        def enough() -> None:
            app.stop()

        app.run()


if __name__ == "__main__":
    main()
