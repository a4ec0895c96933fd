"""`Dispatcher.trace`: the file, also of programs that end early and on a full disk."""

import io as files
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers.events import Work
from helpers.processes import UNTRACED, in_child
from helpers.traces import check, load, of, span_names
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Event, Trace
from evdispatch.debug._trace_file import BATCH, TraceFile
from evdispatch.testing import ManualSource, settle


def test_trace_to_a_text_file_leaves_it_open(app: Dispatcher) -> None:
    file = files.StringIO()
    app.on(Work)(lambda: None)
    with app.trace(file):
        app.post(Work())
        settle(app)
    assert len(json.loads(file.getvalue())) > 3


def test_trace_file_not_closed_loads_with_a_bracket(
    timed: Dispatcher, path: Path
) -> None:
    timed.on(Work)(lambda: None)
    trace = timed.trace(path)
    text = path.read_text()
    for _ in range(2 * BATCH):
        timed.post(Work())
    settle(timed)
    assert len(path.read_text()) > len(text)
    for unclosed in (text, path.read_text()):
        assert json.loads(unclosed + "]")
    trace.close()
    assert len(of(load(path), "handler")) >= 2 * BATCH


def test_trace_file_of_a_killed_program_loads_with_a_bracket(path: Path) -> None:
    program = f"""
import os, signal
from evdispatch import Dispatcher, Timer
app = Dispatcher()
app.add(Timer("tick", every=1e-5))
trace = app.trace({str(path)!r})
app.on("tick", count=lambda count: count >= 300)(
lambda: os.kill(os.getpid(), signal.SIGKILL)
)
app.on("tick")(lambda: None)
app.run()
"""
    command = [sys.executable, "-c", program]
    child = subprocess.run(command, check=False, timeout=PATIENCE, env=UNTRACED)
    assert child.returncode == -signal.SIGKILL
    records = json.loads(path.read_text() + "]")
    assert len(records) >= 1


def test_trace_file_of_a_program_that_exits_without_close_loads(path: Path) -> None:
    program = f"""
from evdispatch import Dispatcher
app = Dispatcher()
app.trace({str(path)!r})
app.on("start")(app.stop)
app.run()
"""
    command = [sys.executable, "-W", "error", "-c", program]
    subprocess.run(command, check=True, timeout=PATIENCE, env=UNTRACED)
    assert span_names(of(load(path), "handler")) == ["stop"]


@pytest.mark.parametrize("target", [1, None, b"trace", files.BytesIO()])
def test_trace_to_no_file_raises_type_error(timed: Dispatcher, target: Any) -> None:
    with pytest.raises(TypeError):
        timed.trace(target)
    assert not timed._registry.instruments._all


def test_trace_file_that_cannot_be_opened_raises(timed: Dispatcher, path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        timed.trace(path / "below")
    with pytest.raises(OSError, match="No space"):
        timed.trace("/dev/full")


def test_trace_file_on_a_full_disk_ends_the_trace_only(
    app: Dispatcher, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(files.StringIO):
        def flush(self) -> None:
            if self.tell() > 200:
                raise OSError(28, "No space left on device")

    seen: list[Event] = []
    app.on(Work)(seen.append)
    (subscription,) = app._registry.scope.subscriptions[Work]
    trace = app.trace(Full())
    for _ in range(BATCH):
        app.post(Work())
    settle(app)
    assert len(seen) == BATCH
    assert trace.closed
    assert "No space left" in caplog.text
    app.post(Work())
    settle(app)
    assert (subscription.call, subscription.takes_event) == subscription.bare
    assert not app._registry.instruments.of_turns
    trace.close()
    assert len(caplog.records) == 1


def test_trace_file_that_fails_at_close_is_logged(
    app: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    file = files.StringIO()
    trace = app.trace(file)
    file.close()
    trace.close()
    assert "closed file" in caplog.text


def test_trace_file_that_fails_at_close_closes_its_descriptor(
    app: Dispatcher, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trace = app.trace(path)
    fd = trace._file._fd
    with open("/dev/full", "w") as full:
        os.dup2(full.fileno(), fd, inheritable=False)
    trace.close()
    assert "No space left" in caplog.text
    assert trace._file._fd == -1


def test_trace_in_a_forked_child_writes_nothing(path: Path) -> None:
    with Dispatcher(io="inline") as app:
        app.on(Work)(lambda: None)
        with app.trace(path) as trace:
            app.post(Work())
            settle(app)
            assert in_child(partial(expect_closed, trace)) == 0
            app.post(Work())
            settle(app)
    assert span_names(of(load(path), "handler")).count("<lambda>") == 2
    check(load(path))


def test_trace_in_a_child_forked_during_a_write_does_not_hang() -> None:
    writing, forked = threading.Event(), threading.Event()

    class Slow(files.StringIO):
        def write(self, text: str) -> int:
            if threading.current_thread() is not threading.main_thread():
                writing.set()
                assert forked.wait(PATIENCE)
            return super().write(text)

    with Dispatcher(io="inline") as app:
        app.on(Work)(lambda: None)
        trace = app.trace(Slow())
        thread = threading.Thread(target=trace._file.close)
        thread.start()
        assert writing.wait(PATIENCE)
        child = multiprocessing.get_context("fork").Process(
            target=expect_closed, args=(trace,)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork
            child.start()
        child.join(PATIENCE)
        child.kill()
        child.join()
        assert child.exitcode == 0
        child.close()
        forked.set()
        thread.join()


def test_trace_file_names_are_quoted(timed: Dispatcher, path: Path) -> None:
    source = timed.add(ManualSource('a "name"\n\udcff'))
    with timed.trace(path):
        source.emit(Work())
        settle(timed)
    assert 'a "name"\n\udcff' in [each["name"] for each in of(load(path), "source")]


def test_trace_file_closed_ignores_spans(path: Path) -> None:
    file = TraceFile(path)
    file.close()
    file.span('"late"', "handler", (0.0, 1.0), "{}")
    file.close()
    assert len(load(path)) == 1


def expect_closed(trace: Trace) -> None:
    assert trace.closed
    trace.close()
