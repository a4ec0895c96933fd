"""A dispatcher within a host program, which keeps its registrations and descriptors."""

import os
import select
import signal
import subprocess
import sys
import threading

import pytest
from helpers.waiting import PATIENCE

from evdispatch import Data, Dispatcher, Event, Pipe, QueueFull, Source, Start
from evdispatch._io._modes import IoMode
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


def test_fileno_registered_at_a_host_survives_a_rebuild(app: Dispatcher) -> None:
    """The host watches the open file, which must not be replaced."""
    reader, writer = os.pipe()
    app.add(Pipe(reader))
    seen = record(app, Data)
    with select.epoll() as host:
        host.register(app.fileno(), select.EPOLLIN)
        settle(app)
        app._registrations.rebuild()
        settle(app)
        assert not host.poll(0)
        os.write(writer, b"x")
        while not seen:
            assert host.poll(10), "nothing woke the host"
            app.step(0)
    os.close(writer)


def test_run_with_a_wakeup_fd_of_the_host_keeps_it() -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(writer)
    try:
        with Dispatcher(io="inline") as app:
            app.after(0, app.stop)
            app.run()
        assert signal.set_wakeup_fd(-1) == writer
    finally:
        signal.set_wakeup_fd(-1)
        os.close(reader)
        os.close(writer)


def test_wakeup_fd_in_a_forked_child_is_unset() -> None:
    program = """
import os, signal, sys
from evdispatch import Dispatcher
app = Dispatcher()
def fork():
    pid = os.fork()
    if not pid:
        os._exit(signal.set_wakeup_fd(-1) != -1)
    _, status = os.waitpid(pid, 0)
    app.stop()
    os._exit(os.waitstatus_to_exitcode(status))
app.after(0, fork)
app.run()
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class TestPostToAFullQueue:
    """A post that blocks the dispatch side must not wait for space."""

    def test_post_by_a_signal_handler_during_a_waiting_post_does_not_wait(self) -> None:
        with Dispatcher(queue_size=1) as app:
            background = app.running()
            release = threading.Event()
            app.on("start")(release.wait)  # so no event is removed

            def on_alarm(signum: int, frame: object) -> None:
                app.post(Start())
                release.set()

            before = signal.signal(signal.SIGALRM, on_alarm)
            try:
                with background:
                    app.post(Event())
                    signal.setitimer(signal.ITIMER_REAL, 0.05)
                    app.post(Event(), timeout=PATIENCE)
                    settled = threading.Event()
                    app.after(0, settled.set)
                    assert settled.wait(PATIENCE)
            finally:
                signal.signal(signal.SIGALRM, before)

    def test_post_by_a_source_on_the_io_thread_does_not_wait(self) -> None:
        class Posting(Source):
            def on_wake(self) -> tuple[Event, ...]:
                for _ in range(5):
                    app.post(Start())
                return ()

        with Dispatcher(queue_size=1) as app:
            got = record(app, Start)
            app.add(Posting()).wake()
            run_until(app, lambda: len(got) >= 5)

    def test_post_by_any_other_thread_waits(self, io: IoMode) -> None:
        with Dispatcher(io=io, queue_size=1) as app:
            app.post(Event())
            failed = []

            def post() -> None:
                with pytest.raises(QueueFull):
                    app.post(Event(), timeout=0.01)
                failed.append(1)

            thread = threading.Thread(target=post)
            thread.start()
            thread.join()
            assert failed


def test_background_run_with_a_blocked_handler_does_not_delay_the_exit(
    io: IoMode,
) -> None:
    program = f"""
import threading
from evdispatch import Dispatcher
app = Dispatcher(io={io!r})
blocked = threading.Event()
def block():
    blocked.set()
    threading.Event().wait()
app.after(0, block)
app.start()
blocked.wait()
"""
    child = subprocess.run(
        [sys.executable, "-c", program], timeout=PATIENCE, check=False
    )
    assert child.returncode == 0


def test_background_run_that_failed_is_logged_at_the_exit() -> None:
    program = """
import threading
from evdispatch import Dispatcher
app = Dispatcher()
ended = threading.Event()
app.on("stop")(ended.set)
app.after(0, lambda: 1 / 0)
app.start()
ended.wait()
"""
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "the dispatcher's background run had failed" in child.stderr
    assert "ZeroDivisionError" in child.stderr
    assert "atexit" not in child.stderr


def test_off_of_a_builtin_method_removes_that_handler_only(app: Dispatcher) -> None:
    first: list[Event] = []
    second: list[Event] = []
    app.on("start")(first.append)
    app.on("start")(second.append)
    assert app.off(first.append) == 1
    app.post(Start())
    app.step(0)
    assert not first
    assert second


def test_source_used_in_a_forked_child_raises_forked_error(io: IoMode) -> None:
    program = f"""
import os
from evdispatch import Dispatcher, ForkedError, Pipe
app = Dispatcher(io={io!r})
reader, writer = os.pipe()
pipe = app.add(Pipe(writer))
app.step(0)
pid = os.fork()
if not pid:
    for call in (pipe.pause, lambda: pipe.write(b"x"), pipe.write_eof):
        try:
            call()
        except ForkedError:
            continue
        os._exit(1)
    pipe.close()
    os._exit(0)
_, status = os.waitpid(pid, 0)
assert status == 0
app.close()
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
