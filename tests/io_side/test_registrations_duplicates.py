"""Registrations: descriptors that are duplicated, or closed by other code."""

import errno
import os
import socket

import pytest
from helpers.descriptors import new_pipe
from helpers.sources import Probe, polls_in

from evdispatch import ClosedError, Data, Dispatcher, Error, Event, Fd, Pipe
from evdispatch._events import URGENT
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


class UrgentProbe(Probe):
    lane = URGENT


def test_duplicates_of_a_descriptor_are_two_sources(
    app: Dispatcher, fds: list[int]
) -> None:
    left, right = socket.socketpair()
    with left, right:
        duplicate = os.dup(left.fileno())
        first, second = app.add(Fd(left)), app.add(Fd(duplicate))
        ready = []
        app.on("readable")(lambda event: ready.append(event.source))
        right.send(b"x")
        run_until(app, lambda: {first, second} <= set(ready))
        first.close()
        before = len(ready)
        run_until(app, lambda: len(ready) > before + 2)
        assert ready[-1] is second
        second.close()
        fds.append(duplicate)


def test_duplicate_closed_leaves_the_other_watched(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    one, other = Pipe(os.dup(reader)), Pipe(os.dup(reader))
    app.add(one)
    app.add(other)
    one.close()
    seen = record(app, Data)
    os.write(writer, b"x")
    settle(app)
    assert [event.source for event in seen] == [other]


@pytest.mark.pollers("epoll", "edge")
def test_descriptor_closed_by_others_on_epoll_emits_nothing_and_does_not_spin(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    source = app.add(Fd(reader))
    settle(app)
    os.close(reader)
    seen = record(app, Event)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    assert polls_in(app, 0.02) <= 3
    assert [event for event in seen if event.source is source] == []
    source.close()


@pytest.mark.pollers("poll", "select")
def test_descriptor_closed_by_others_on_select_and_poll_emits_one_error(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    source = app.add(Fd(reader))
    settle(app)
    os.close(reader)
    seen = record(app, Error)
    settle(app)
    assert [event.source for event in seen] == [source]
    assert isinstance(seen[0].exception, OSError)
    assert seen[0].exception.errno == errno.EBADF
    assert source.closed
    assert polls_in(app, 0.02) <= 3


# select and poll may report the closed descriptor first.
@pytest.mark.pollers("epoll", "edge")
def test_descriptor_closed_by_others_and_reused_belongs_to_the_new_source(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    old = app.add(Pipe(reader))
    settle(app)
    os.close(reader)
    other_reader, other_writer = new_pipe(fds)
    assert other_reader == reader, "the test needs the number to be reused"
    new = app.add(Pipe(reader, closefd=False))
    assert old.closed
    assert app.sources == (new,)
    old.close()
    seen = record(app, Event)
    os.write(other_writer, b"x")
    settle(app)
    assert [e.source for e in seen if isinstance(e, Data)] == [new]


def test_source_replaced_at_its_descriptor_cannot_write(
    app: Dispatcher, fds: list[int]
) -> None:
    left, right = socket.socketpair()
    fds += [left.detach(), right.detach()]
    old = app.add(Pipe(fds[0]))
    settle(app)
    others = socket.socketpair()
    with others[0], others[1]:
        # In one call: the IO thread might open something by a number that is closed first.
        os.dup2(others[0].fileno(), fds[0])
        app.add(Pipe(fds[0], closefd=False))
        with pytest.raises(ClosedError):
            old.write(b"x")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("kind", [Probe, UrgentProbe])
def test_descriptor_closed_by_others_with_an_open_duplicate_does_not_spin(
    app: Dispatcher, fds: list[int], kind: type[Probe], *, debug: bool
) -> None:
    reader, writer = new_pipe(fds)
    fds.append(os.dup(reader))
    source = app.add(kind(reader))
    bystander = app.add(Pipe(os.dup(new_pipe(fds)[0])))
    settle(app)
    os.close(reader)
    errors = record(app, Error)
    os.write(writer, b"x")
    run_until(app, lambda: errors)
    assert polls_in(app, 0.05) <= 5
    # select and poll watch the number, so they report that it is closed.
    verified = debug or not app._registrations.pollers.live
    assert source.asked == (0 if verified else 1)
    assert source.closed
    seen = record(app, Data)
    os.write(fds[-1], b"y")  # the rebuilt poller still watches the others
    settle(app)
    assert [event.source for event in seen] == [bystander]
    called: list[int] = []
    app.after(0, lambda: called.append(1))
    run_until(app, lambda: called)


def test_source_closed_with_an_open_duplicate_does_not_spin(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    fds.append(os.dup(reader))
    source = app.add(Probe(reader))
    settle(app)
    os.close(reader)
    source.close()
    os.write(writer, b"x")
    assert polls_in(app, 0.05) <= 5
    assert source.asked == 0


def test_pipe_whose_descriptor_was_closed_by_others_emits_an_error(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    fds.append(os.dup(reader))
    source = app.add(Pipe(reader))
    settle(app)
    os.close(reader)
    os.write(writer, b"x")
    seen = record(app, Error)
    settle(app)
    (error,) = seen
    assert isinstance(error.exception, OSError)
    assert error.exception.errno == errno.EBADF
    assert source.closed
    assert polls_in(app, 0.05) <= 5
