"""Tutorial, step 2: keys. Space tells the time of a lap, q ends it.

Run it in a terminal: ``python demos/tutorial_2.py``. It also ends with its input.
"""

from evdispatch import Dispatcher, Key, Terminal, Tick, Timer


def main() -> None:
    """Tick each second, and tell laps."""
    laps: list[float] = []
    with Dispatcher() as app:
        app.add(Timer("tick", every=1.0))
        terminal = app.add(Terminal(mouse=False))

        @app.on("tick")
        def show(event: Tick) -> None:
            print(f"{event.count} s")

        @terminal.on("key", key="space")
        def lap(event: Key) -> None:
            # Every event says when it was read, on the dispatcher's clock.
            laps.append(event.time)
            print(f"lap {len(laps)} at {event.time - laps[0]:.3f} s")

        @terminal.on("key", key="q")
        def leave() -> None:
            print("bye")
            app.stop()

        app.run()


if __name__ == "__main__":
    main()
