"""Registrations: which sources may be added, and how many."""

import errno
import fcntl
import gc
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.descriptors import allowed, new_pipe
from helpers.sources import Probe, polls_in

from evdispatch import (
    ClosedError,
    Data,
    Dispatcher,
    Fd,
    Pipe,
    Readable,
    Source,
    StateError,
)
from evdispatch.testing import ManualSource, record, run_until, settle

pytestmark = pytest.mark.pollers


class Numbers:
    """A file whose `fileno` returns another number at each call."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)

    def fileno(self) -> int:
        return self.numbers.pop(0)


@pytest.mark.parametrize("kind", [Fd, Pipe])
@pytest.mark.parametrize("bad", [-1, True, False, 1.0, "0", None, b"1"])
def test_source_of_no_descriptor_raises(
    kind: Callable[[Any], Source], bad: Any
) -> None:
    with pytest.raises((TypeError, ValueError), match="descriptor"):
        kind(bad)


@pytest.mark.parametrize("kind", [Fd, Pipe])
def test_source_of_a_closed_file_raises(kind: Callable[[Any], Source]) -> None:
    with open("/dev/null") as file, socket.socket() as sock:
        pass
    for closed in (file, sock):
        with pytest.raises(ValueError, match="closed"):
            kind(closed)


@pytest.mark.parametrize("kind", [Fd, Pipe, Probe])
def test_add_closed_descriptor_raises_and_leaves_nothing(
    app: Dispatcher, fds: list[int], kind: Callable[[int], Source]
) -> None:
    reader, writer = new_pipe(fds)
    os.close(reader)
    with pytest.raises(OSError, match="Bad file") as caught:
        app.add(kind(reader))
    assert caught.value.errno == errno.EBADF
    assert app.sources == ()
    os.dup2(new_pipe(fds)[0], reader)
    app.add(kind(reader)).close()
    assert writer in fds


def test_add_impossible_descriptor_raises_and_takes_no_memory(app: Dispatcher) -> None:
    length = len(app._registrations.by_fd)
    with pytest.raises(OSError, match="Bad file") as caught:
        app.add(Fd(2_000_000))
    assert caught.value.errno == errno.EBADF
    assert len(app._registrations.by_fd) == length


def test_add_refused_by_the_kernel_raises_with_the_number(
    app: Dispatcher, fds: list[int]
) -> None:
    path_only = os.open("/", os.O_PATH)
    fds.append(path_only)
    for fd, number in (
        (path_only, errno.EBADF),
        (app._registrations.fileno(), errno.ELOOP),
    ):
        with pytest.raises(OSError, match=f"fd {fd}") as caught:
            app.add(Fd(fd))
        assert caught.value.errno == number
    assert app.sources == ()


def test_add_descriptor_twice_raises_and_keeps_the_first(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    first = app.add(Pipe(reader, closefd=False))
    second = Fd(reader)
    with pytest.raises(StateError, match=f"fd {reader} is watched already"):
        app.add(second)
    seen = record(app, Data)
    os.write(writer, b"x")
    settle(app)
    assert [event.source for event in seen] == [first]
    first.close()
    assert app.add(second) is second, "a refused source may be added later"


def test_add_descriptor_of_a_paused_source_raises(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    app.add(Fd(reader)).pause()
    with pytest.raises(StateError, match="watched already"):
        app.add(Fd(reader))


def test_add_source_that_ends_as_it_is_added_does_not_watch_it(
    app: Dispatcher, fds: list[int]
) -> None:
    class Brief(Probe):
        def on_add(self) -> None:
            self.finish()

    reader, writer = new_pipe(fds)
    brief = app.add(Brief(reader))
    assert brief.closed
    assert app.sources == ()
    os.write(writer, b"x")
    settle(app)
    assert brief.asked == 0
    app.add(Probe(reader))  # nothing holds the number


def test_add_source_twice_or_after_close_raises(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    source = app.add(Fd(reader))
    with pytest.raises(StateError, match="added before"):
        app.add(source)
    source.close()
    with pytest.raises(ClosedError, match="is closed"):
        app.add(source)


def test_add_source_closed_before_raises(app: Dispatcher) -> None:
    reader, writer = os.pipe()
    source = Pipe(reader)
    source.close()
    os.close(writer)
    with pytest.raises(ClosedError):
        app.add(source)


def test_add_source_whose_on_add_fails_leaves_nothing(app: Dispatcher) -> None:
    class Broken(Source):
        def on_add(self) -> None:
            self.set_deadline(self.host.now())
            raise LookupError("no such thing")

    with pytest.raises(LookupError):
        app.add(Broken())
    assert app.sources == ()
    assert app.timeout() is None
    assert settle(app) == 0


def test_add_of_no_source_raises_type_error(app: Dispatcher) -> None:
    with pytest.raises(TypeError, match="takes a Source"):
        app.add(0)  # type: ignore[type-var]


def test_remove_source_not_added_raises_but_twice_is_allowed(
    app: Dispatcher, fds: list[int]
) -> None:
    source = Fd(new_pipe(fds)[0])
    with pytest.raises(StateError, match="not added"):
        app.remove(source)
    app.add(source)
    app.remove(source)
    app.remove(source)
    source.close()
    assert source.closed


def test_fd_of_a_file_whose_fileno_changes_keeps_the_first_number(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    source = Fd(Numbers(reader, 10**6))
    app.add(source)
    seen = record(app, Readable)
    os.write(writer, b"x")
    run_until(app, lambda: seen)
    source.close()
    assert polls_in(app, 0.02) <= 3


def test_source_without_other_references_stays_registered(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    app.add(Pipe(reader, closefd=False))
    gc.collect()
    seen = record(app, Data)
    os.write(writer, b"x")
    settle(app)
    assert len(seen) == 1


@pytest.mark.pollers("epoll", "edge", "poll")
class TestManyDescriptors:
    @pytest.fixture(autouse=True)
    def _limit(self) -> Iterator[None]:
        with allowed(4096):
            yield

    def test_descriptor_above_1024_is_read(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = new_pipe(fds)
        high = fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, 2000)
        app.add(Pipe(high))
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert [event.data for event in seen] == [b"x"]

    def test_descriptors_more_than_one_poll_reports_are_all_dispatched(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        fds += [os.eventfd(1) for _ in range(1100)]
        seen: list[int] = []

        @app.on("readable")
        def read(event: Readable) -> None:
            seen.append(event.source.fileno())
            event.source.close()

        for fd in fds:
            app.add(Fd(fd))
        settle(app)
        assert sorted(seen) == sorted(fds)


def test_source_repr_shows_name_fd_and_state(app: Dispatcher, fds: list[int]) -> None:
    reader, _ = new_pipe(fds)
    source = Fd(reader, name="input")
    assert repr(source) == "<Fd 'input' open>"
    app.add(source)
    assert repr(source) == f"<Fd 'input' fd={reader} open>"
    source.pause()
    assert repr(source) == f"<Fd 'input' fd={reader} paused>"
    source.close()
    assert repr(source) == f"<Fd 'input' fd={reader} closed>"
    assert ManualSource().name == "manualsource"


def test_source_not_added_raises_on_deadline_and_on(fds: list[int]) -> None:
    source = Fd(new_pipe(fds)[0])
    with pytest.raises(StateError, match="not added"):
        source.set_deadline(1.0)
    with pytest.raises(StateError, match="add it"):
        source.on("readable")
    source.finish()
    source.wake()
    assert not source.closed
    source.close()
    with pytest.raises(ClosedError):
        source.set_deadline(1.0)
