"""Debug mode: how it is turned on, and what it checks."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from helpers.processes import UNTRACED
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Event, Start, StateError, on
from evdispatch.testing import ManualSource, settle


class Handlers:
    @on("start")
    def begin(self) -> None: ...


PROGRAM = """
from evdispatch import Dispatcher, Event
with Dispatcher(debug={debug}) as app:
    app.on(Event)(lambda: None)
    app.post(Event())
    app.step(0)
    print(bool(app.stats().timings))
"""


def measures_handlers(
    argument: bool | None, variable: str | None, *options: str
) -> str:
    """Return whether a program measures its handlers, as debug mode does."""
    env = dict(UNTRACED)
    env.pop("EVDISPATCH_DEBUG", None)
    if variable is not None:
        env["EVDISPATCH_DEBUG"] = variable
    command = [sys.executable, *options, "-c", PROGRAM.format(debug=argument)]
    return subprocess.check_output(command, text=True, env=env).strip()


@pytest.mark.parametrize(
    ("argument", "variable", "options", "expected"),
    [
        (None, None, (), "False"),
        (None, "1", (), "True"),
        (None, "0", ("-X", "dev"), "False"),
        (None, None, ("-X", "dev"), "True"),
        (True, "0", (), "True"),
        (False, "1", ("-X", "dev"), "False"),
    ],
)
def test_debug_mode_is_set_by_argument_variable_or_dev_mode(
    argument: bool | None, variable: str | None, options: tuple[str, ...], expected: str
) -> None:
    assert measures_handlers(argument, variable, *options) == expected


def test_debug_mode_handler_that_blocks_is_slow() -> None:
    with Dispatcher(io="inline", debug=True) as app:
        assert app._timer.slow == 0.1
    with Dispatcher(io="inline", debug=True, slow=2.0) as app:
        assert app._timer.slow == 2.0


@pytest.mark.parametrize("debug", [True])
@pytest.mark.parametrize("change", ["on", "source.on", "off", "register", "unregister"])
def test_debug_mode_handler_changed_on_another_thread_raises(
    app: Dispatcher, change: str
) -> None:
    caught: list[Any] = []
    done = threading.Event()
    source = app.add(ManualSource())
    registered = Handlers()
    app.register(registered)

    def meddle() -> None:
        actions: dict[str, Any] = {
            "on": lambda: app.on(Start)(print),
            "source.on": lambda: source.on(Event)(print),
            "off": lambda: app.off(print),
            "register": lambda: app.register(Handlers()),
            "unregister": lambda: app.unregister(registered),
        }
        try:
            actions[change]()
        except StateError as error:
            caught.append(error)
        finally:
            done.set()
            app.stop()

    thread = threading.Thread(target=meddle)
    app.on("start")(thread.start)
    app.run()
    assert done.wait(PATIENCE)
    thread.join()
    assert "dispatch thread" in str(caught[0])
    app.unregister(registered)


def test_debug_mode_off_other_threads_are_not_checked(app: Dispatcher) -> None:
    seen: list[Event] = []
    thread = threading.Thread(target=lambda: app.on(Event)(seen.append))
    app.on("start")(thread.start)
    app.on("start")(thread.join)
    app.on("start")(app.stop)
    app.run()
    app.post(Event())
    settle(app)
    assert seen


@pytest.mark.parametrize("debug", [True])
def test_debug_mode_changes_on_the_dispatch_thread_or_between_runs_are_allowed(
    app: Dispatcher,
) -> None:
    @app.on("start")
    def change() -> None:
        app.on(Event)(print)
        app.off(print)
        app.stop()

    app.run()
    thread = threading.Thread(target=lambda: app.off(change))
    thread.start()
    thread.join()
    assert app.stats().handlers == 0
