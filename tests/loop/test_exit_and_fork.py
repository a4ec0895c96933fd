"""How a dispatcher ends: at the exit of the interpreter, or in a forked child."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from typing import Any

import pytest
from helpers.descriptors import open_descriptors
from helpers.dispatchers import CALLS, QUIET
from helpers.events import Work
from helpers.processes import in_child
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, ForkedError, Pipe, Timer
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers

# -- the exit of the interpreter -----------------------------------------------------------


def run_program(source: str, io: str) -> "subprocess.CompletedProcess[str]":
    prelude = (
        f"import os, threading\nfrom evdispatch import *\napp = Dispatcher(io={io!r})\n"
    )
    return subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error",
            "-c",
            prelude + textwrap.dedent(source),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    "source",
    [
        "app.after(0, app.stop); app.run()",
        "app.step(0)",
        "app.start()",
        "app.add(Timer(every=0.001)); app.start()",
        "app.fileno(); app.on(Start)(lambda: app)",
        (
            'running = threading.Event(); app.on("start")(running.set); '
            "threading.Thread(target=app.run, daemon=True).start(); running.wait()"
        ),
        "other = Dispatcher(io='thread'); other.step(0); app.step(0)",
    ],
)
def test_exit_without_close_succeeds_silently(io: str, source: str) -> None:
    done = run_program(source, io)
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_with_a_source_that_fails_closes_the_other_dispatchers(io: str) -> None:
    done = run_program(
        f"""
        class Talking(Source):
            def on_close(self):
                print("closed", self.name, flush=True)

        class Failing(Source):
            def on_close(self):
                raise OSError("would not close")

        others = [Dispatcher(io={io!r}) for _ in range(5)]
        for number, other in enumerate(others):
            other.add(Failing() if number == 2 else Talking(str(number)))
        """,
        io,
    )
    assert sorted(done.stdout.split("\n")[:-1]) == [f"closed {n}" for n in (0, 1, 3, 4)]
    assert "would not close" in done.stderr


# -- fork ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*CALLS, *QUIET])
def test_forked_child_using_the_dispatcher_raises_forked_error(
    app: Dispatcher, name: str
) -> None:
    app.step(0)

    def child() -> None:
        with pytest.raises(
            ForkedError, match="belongs to the parent process: make a new one"
        ):
            (CALLS | QUIET)[name](app)

    assert in_child(child) == 0


def test_forked_child_posting_a_known_class_raises_forked_error(
    app: Dispatcher,
) -> None:
    app.post(Work())
    settle(app)

    def child() -> None:
        with pytest.raises(ForkedError):
            app.post(Work())

    assert in_child(child) == 0


def test_forked_child_closing_sources_leaves_the_parent_working(
    app: Dispatcher,
) -> None:
    """The child shares the epoll of the parent, so it must not remove descriptors."""
    r, w = os.pipe()
    pipe = app.add(Pipe(r, framing="lines"))
    lines: list[bytes] = []
    ticks: list[int] = []
    pipe.on("line")(lambda event: lines.append(event.data))
    app.add(Timer("forked_tick", every=0.001))
    app.on("forked_tick")(lambda event: ticks.append(event.count))
    app.step(0)

    def child() -> None:
        with pytest.raises(ForkedError):
            app.step(0)
        with pytest.raises(ForkedError):
            app.remove(pipe)
        app.close()
        pipe.close()
        gc.collect()

    assert in_child(child) == 0
    os.write(w, b"hello\n")
    before = len(ticks)
    run_until(app, lambda: lines and len(ticks) > before)
    os.close(w)
    settle(app)
    assert lines == [b"hello"]
    assert app.stats().balanced


def test_forked_child_leaving_the_with_block_keeps_the_parent_open(io: Any) -> None:
    r, w = os.pipe()
    with Dispatcher(io=io) as app:
        app.add(Pipe(r))
        app.start()

        def child() -> None:
            app.__exit__(None, None, None)

        assert in_child(child) == 0
        seen = threading.Event()
        app.on("data")(seen.set)
        os.write(w, b"x")
        assert seen.wait(PATIENCE)
    os.close(w)


def test_forked_child_can_run_its_own_dispatcher(app: Dispatcher, io: Any) -> None:
    app.step(0)

    def child() -> None:
        with Dispatcher(io=io) as own:
            seen = record(own, Work)
            own.on(Work)(own.stop)
            own.post(Work())
            own.run()
            assert len(seen) == 1

    assert in_child(child) == 0


def test_forked_child_collecting_the_dispatcher_does_not_warn(io: Any) -> None:
    app = Dispatcher(io=io)

    def child() -> None:
        nonlocal app
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del app
            gc.collect()

    assert in_child(child) == 0
    app.close()


def test_forked_child_exiting_leaves_the_parent_working(io: str) -> None:
    """The atexit handlers of the child run, and its interpreter frees all objects."""
    done = run_program(
        """
        import sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        r, w = os.pipe()
        app.add(Pipe(r))
        app.on("data")(lambda event: (print(event.data.decode(), flush=True), app.stop()))
        app.step(0)
        pid = os.fork()
        if pid == 0:
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        os.write(w, b"alive")
        app.run()
        app.close()
        """,
        io,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["7", "alive"]


def test_descriptors_are_not_inheritable(app: Dispatcher) -> None:
    before = {int(name) for name in open_descriptors()}
    app.step(0)
    with Dispatcher(io="thread") as other:
        other.step(0)
        for fd in {int(name) for name in open_descriptors()} - before:
            try:
                inheritable = os.get_inheritable(fd)
            except OSError:
                continue  # the descriptor of the listing itself
            assert not inheritable
