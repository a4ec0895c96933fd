"""Descriptors that are duplicated, or closed behind our back: never mixed up."""

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


class TestDuplicates:
    def test_two_duplicates_are_two_sources(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        left, right = socket.socketpair()
        with left, right:
            duplicate = os.dup(left.fileno())
            first, second = app.add(Fd(left)), app.add(Fd(duplicate))
            heard = []
            app.on("readable")(lambda event: heard.append(event.source))
            right.send(b"x")
            run_until(app, lambda: {first, second} <= set(heard))
            first.close()
            settle_until_quiet = len(heard)
            run_until(app, lambda: len(heard) > settle_until_quiet + 2)
            assert heard[-1] is second
            second.close()
            fds.append(duplicate)

    def test_closing_one_leaves_the_other_watched(
        self, app: Dispatcher, fds: list[int]
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


class TestClosedBehindOurBack:
    @pytest.mark.pollers("epoll", "edge")
    def test_nothing_is_told_and_nothing_spins(
        self, app: Dispatcher, fds: list[int]
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
    def test_select_and_poll_tell_it_once(
        self, app: Dispatcher, fds: list[int]
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

    # The others may find out in between, and tell it.
    @pytest.mark.pollers("epoll", "edge")
    def test_the_number_given_out_anew_belongs_to_the_new_source(
        self, app: Dispatcher, fds: list[int]
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

    def test_an_old_source_does_not_write_to_the_new_owner(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        left, right = socket.socketpair()
        fds += [left.detach(), right.detach()]
        old = app.add(Pipe(fds[0]))
        settle(app)
        os.close(fds[0])
        others = socket.socketpair()
        with others[0], others[1]:
            os.dup2(others[0].fileno(), fds[0])
            app.add(Pipe(fds[0], closefd=False))
            with pytest.raises(ClosedError):
                old.write(b"x")

    @pytest.mark.parametrize("debug", [False, True])
    @pytest.mark.parametrize("kind", [Probe, UrgentProbe])
    def test_a_living_duplicate_does_not_make_it_spin(
        self, app: Dispatcher, fds: list[int], kind: type[Probe], *, debug: bool
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
        os.write(fds[-1], b"y")  # the rebuilt poller knows the others still
        settle(app)
        assert [event.source for event in seen] == [bystander]
        called: list[int] = []
        app.after(0, lambda: called.append(1))
        run_until(app, lambda: called)

    def test_a_closed_source_whose_duplicate_lives_does_not_make_it_spin(
        self, app: Dispatcher, fds: list[int]
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

    def test_a_pipe_finds_out_and_tells(self, app: Dispatcher, fds: list[int]) -> None:
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
