"""How a dispatcher ends: closed, forgotten, at the interpreter's end, or in a fork."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from evdispatch import (
    ClosedError,
    Dispatcher,
    Event,
    ForkedError,
    Pipe,
    Timer,
)
from evdispatch._lifetime import Closable, weakly
from evdispatch.testing import ManualSource, record, run_until, settle


@attrs.define(eq=False)
class Final(Event): ...


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


# -- close ---------------------------------------------------------------------------------


def test_close_releases_everything(io: Any) -> None:
    fds, threads = descriptors(), threading.active_count()
    app = Dispatcher(io=io)
    source = app.add(ManualSource())
    app.step(0)
    assert len(descriptors()) > len(fds)
    app.close()
    assert descriptors() == fds
    assert threading.active_count() == threads
    assert source.closed
    assert app.sources == ()


def test_closing_twice_does_nothing(app: Dispatcher) -> None:
    app.close()
    app.close()


def test_a_block_closes_even_if_it_fails(io: Any) -> None:
    with pytest.raises(LookupError), Dispatcher(io=io) as app:
        raise LookupError
    assert repr(app).endswith("closed>")


def test_a_closed_dispatcher_cannot_be_entered(app: Dispatcher) -> None:
    app.close()
    with pytest.raises(ClosedError), app:
        pass


def test_close_with_events_waiting_drops_them(app: Dispatcher) -> None:
    seen = record(app, Final)
    app.post(Final())
    app.close()
    assert seen == []
    assert app.stats().waiting == 1


def test_one_source_that_fails_to_close_keeps_no_other_from_it(io: Any) -> None:
    class Bad(ManualSource):
        def on_close(self) -> None:
            raise OSError("would not close")

    fds = descriptors()
    app = Dispatcher(io=io)
    sources = [app.add(ManualSource()), app.add(Bad()), app.add(ManualSource())]
    with pytest.raises(OSError, match="would not close"):
        app.close()
    assert all(source.closed for source in sources)
    assert descriptors() == fds
    app.close()


def nothing() -> None: ...


CALLS: dict[str, Callable[[Dispatcher], object]] = {
    "add": lambda app: app.add(ManualSource()),
    "on": lambda app: app.on(Final),
    "bare on": lambda app: app.on(nothing),
    "register": lambda app: app.register(object()),
    "post": lambda app: app.post(Final()),
    "after": lambda app: app.after(1.0, nothing),
    "every": lambda app: app.every(1.0, nothing),
    "run": lambda app: app.run(),
    "step": lambda app: app.step(),
    "fileno": lambda app: app.fileno(),
    "timeout": lambda app: app.timeout(),
    "start": lambda app: app.start(),
    "running": lambda app: app.running().__enter__(),
    "enter": lambda app: app.__enter__(),
}

QUIET: dict[str, Callable[[Dispatcher], object]] = {
    "off": lambda app: app.off(nothing),
    "sources": lambda app: app.sources,
    "stats": lambda app: app.stats(),
    "stop": lambda app: app.stop(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_closed_dispatcher_is_told_as_such(app: Dispatcher, name: str) -> None:
    app.close()
    with pytest.raises(ClosedError, match="the dispatcher is closed"):
        CALLS[name](app)


@pytest.mark.parametrize("name", QUIET)
def test_what_makes_nothing_new_may_be_asked_of_a_closed_dispatcher(
    app: Dispatcher, name: str
) -> None:
    app.close()
    QUIET[name](app)


def test_sources_and_handlers_may_be_removed_after_the_end(app: Dispatcher) -> None:
    class Marked:
        handler = staticmethod(nothing)

    source = app.add(ManualSource())
    app.on(Final)(nothing)
    app.close()
    app.remove(source)
    assert app.off(nothing) == 1
    with pytest.raises(ValueError, match="is not registered"):
        app.unregister(Marked())


def test_every_public_method_is_among_these() -> None:
    public = {name for name in dir(Dispatcher) if not name.startswith("_")}
    told = {*CALLS, *QUIET, "remove", "unregister", "close"} - {"bare on", "enter"}
    assert public == told


def test_a_source_of_another_dispatcher_cannot_be_removed(app: Dispatcher) -> None:
    with Dispatcher(io="inline") as other:
        source = other.add(ManualSource())
        with pytest.raises(RuntimeError, match="was not added to this dispatcher"):
            app.remove(source)
        assert source in other.sources
        other.remove(source)
        assert source.closed
        app.remove(source)  # it is gone anyway


def test_only_a_source_can_be_added(app: Dispatcher) -> None:
    with pytest.raises(TypeError, match=r"add takes a Source \(for a descriptor: Fd\)"):
        app.add(0)  # type: ignore[type-var]


@pytest.mark.parametrize("left", [0, 1])
def test_a_dispatcher_that_cannot_be_made_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """No descriptor was left, at each of the steps in turn."""
    before = descriptors()
    made: list[int] = []
    real = os.pipe2

    def pipe2(flags: int) -> tuple[int, int]:
        if len(made) == left:
            raise OSError(24, "Too many open files")
        pair = real(flags)
        made.append(pair[0])
        return pair

    monkeypatch.setattr(os, "pipe2", pipe2)
    with pytest.raises(OSError, match="Too many open files"):
        Dispatcher(io="thread")
    assert len(made) == left
    assert descriptors() == before


def test_an_alarm_that_cannot_be_made_leaves_nothing_behind(io: Any) -> None:
    class NoAlarm:
        def now(self) -> float:
            return 0.0

        def alarm(self) -> Any:
            raise OSError(24, "Too many open files")

    fds = descriptors()
    with pytest.raises(OSError, match="Too many open files"):
        Dispatcher(io=io, clock=NoAlarm())
    gc.collect()
    assert descriptors() == fds


# -- forgotten -----------------------------------------------------------------------------


@pytest.mark.parametrize("stepped", [False, True])
def test_a_forgotten_dispatcher_warns_and_is_closed(io: Any, stepped: bool) -> None:
    fds = descriptors()
    app = Dispatcher(io=io)
    if stepped:  # there is an IO thread now, which must not keep it alive
        app.step(0)
    with pytest.warns(ResourceWarning, match=r"unclosed <Dispatcher io='\w+' open>"):
        del app
    assert descriptors() == fds


def test_a_closed_dispatcher_goes_without_the_collector(io: Any) -> None:
    app = Dispatcher(io=io)
    app.step(0)
    app.close()
    dead = weakref.ref(app)
    del app
    assert dead() is None


def test_a_half_made_dispatcher_goes_quietly() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dispatcher.__new__(Dispatcher)
        with pytest.raises(ValueError, match="io must be"):
            Dispatcher(io="nonsense")  # type: ignore[arg-type]
        gc.collect()


def test_a_weak_method_is_called_as_long_as_its_object_lives() -> None:
    class Target:
        called = 0

        def method(self) -> None:
            Target.called += 1

    target = Target()
    call = weakly(target.method)
    call()
    del target
    call()
    assert Target.called == 1


# -- the interpreter's end -----------------------------------------------------------------


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
        timeout=20,
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
        "threading.Thread(target=app.run, daemon=True).start()",
        "other = Dispatcher(io='thread'); other.step(0); app.step(0)",
    ],
)
def test_a_program_may_end_without_closing(io: str, source: str) -> None:
    done = run_program(source, io)
    assert (done.returncode, done.stderr) == (0, "")


def test_at_the_end_one_failure_keeps_no_other_dispatcher_open(io: str) -> None:
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


def in_child(function: Callable[[], None]) -> int:
    """Run a function in a forked child and return its exit code; 0 is success."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork, 3.12+
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("name", [*CALLS, *QUIET])
def test_a_forked_child_is_told_that_it_is_not_its_dispatcher(
    app: Dispatcher, name: str
) -> None:
    app.step(0)

    def child() -> None:
        with pytest.raises(ForkedError, match="the parent process's: make a new one"):
            (CALLS | QUIET)[name](app)

    assert in_child(child) == 0


def test_the_parent_goes_on_whatever_the_child_does(app: Dispatcher) -> None:
    """The child shares the parent's epoll: what it deleted would be gone in the parent."""
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


def test_a_child_may_leave_the_block_it_was_forked_in(io: Any) -> None:
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
        assert seen.wait(10)
    os.close(w)


def test_a_child_may_make_a_dispatcher_of_its_own(app: Dispatcher, io: Any) -> None:
    app.step(0)

    def child() -> None:
        with Dispatcher(io=io) as own:
            seen = record(own, Final)
            own.on(Final)(own.stop)
            own.post(Final())
            own.run()
            assert len(seen) == 1

    assert in_child(child) == 0


def test_a_child_inherits_no_warning(io: Any) -> None:
    app = Dispatcher(io=io)

    def child() -> None:
        nonlocal app
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del app
            gc.collect()

    assert in_child(child) == 0
    app.close()


def test_the_exit_of_a_child_harms_nothing(io: str) -> None:
    """Its atexit handlers run, and the interpreter takes everything down."""
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


def test_every_descriptor_is_closed_on_exec(app: Dispatcher) -> None:
    before = {int(name) for name in descriptors()}
    app.step(0)
    with Dispatcher(io="thread") as other:
        other.step(0)
        for fd in {int(name) for name in descriptors()} - before:
            try:
                inheritable = os.get_inheritable(fd)
            except OSError:
                continue  # the listing's own
            assert not inheritable


def test_what_is_closable_says_how() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Closable()  # type: ignore[abstract]
