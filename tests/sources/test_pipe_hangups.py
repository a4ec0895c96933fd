"""When the other side of a pipe has gone: all it sent, and then the end."""

import contextlib
import os
import socket
from typing import Any

import pytest
from helpers.descriptors import Ends
from helpers.events import record_all, shown
from helpers.terminals import Pty

from evdispatch import ERROR, ClosedError, Dispatcher, Error, Event, Hangup, Pipe
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


class TestBrokenPipes:
    def test_pipe_whose_readers_have_gone_hangs_up_once(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        """Even when nothing is to be written."""
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        seen = record_all(source)
        settle(app)
        ends.close(reader)
        settle(app)
        assert shown(seen) == ["hangup"]
        assert seen[0].error is None
        assert seen[0].mask & ERROR
        assert source.closed

    def test_pipe_hangup_names_the_error_of_writing(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        seen = record_all(source)
        source.write(b"x" * 200_000)
        ends.close(reader)
        settle(app)
        assert shown(seen) == ["hangup"]
        assert isinstance(seen[0].error, BrokenPipeError)
        with pytest.raises(ClosedError):
            source.write(b"x")

    def test_pipe_write_to_gone_readers_is_a_hangup(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        ends.close(reader)
        with contextlib.suppress(ClosedError):  # the IO thread may have seen it before
            source.write(b"x")
        seen = record(app, Hangup)
        settle(app)
        assert len(seen) == 1
        assert source.closed

    def test_pipe_input_comes_before_its_hangup(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        left, right = ends.pair()
        source = Pipe(ends.given(left), framing="lines")
        os.write(right, b"one\ntwo\nlast words")
        with app._registrations.lock:
            app.add(source)
            source.write(b"x" * 2_000_000)
            ends.close(right)
        seen = record_all(source)
        settle(app)
        assert shown(seen) == [b"one", b"two", b"last words", "hangup"]
        assert isinstance(seen[-1].error, BrokenPipeError)
        assert source.buffered == 0

    def test_pipe_paused_input_comes_before_its_hangup(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        left, right = ends.pair()
        source = Pipe(ends.given(left), framing="lines")
        source.pause()
        app.add(source)
        os.write(right, b"one\n")
        source.write(b"x" * 2_000_000)
        seen = record_all(source)
        ends.close(right)
        settle(app)
        before = app.stats().polls
        app.step(0.02)
        assert app.stats().polls - before <= 3, "the hang-up does not spin"
        assert seen == []
        with pytest.raises(OSError, match="Broken pipe"):
            source.write(b"y")
        source.resume()
        settle(app)
        assert shown(seen) == [b"one", "hangup"]

    def test_pipe_of_a_hung_up_pty_with_a_full_buffer_does_not_spin(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        """It takes no more bytes, and its hang-up is reported again and again."""
        source = app.add(Pipe(pty.master, closefd=False))
        app.step()
        source.pause()
        os.set_blocking(pty.master, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(pty.master, b"x" * 4096)
        source.write(b"y")
        os.close(pty.slave)
        seen = record_all(source)
        app.step(0.01)
        before = app.stats().polls
        app.step(0.02)
        assert app.stats().polls - before <= 3
        source.resume()
        run_until(app, lambda: shown(seen[-1:]) == ["eof"])

    def test_pipe_paused_write_end_hangs_up(self, app: Dispatcher, ends: Ends) -> None:
        left, right = ends.pipe()
        source = app.add(Pipe(ends.given(right)))
        seen = record_all(source)
        source.pause()
        ends.close(left)
        settle(app)
        assert shown(seen) == ["hangup"]

    def test_pipe_peer_that_shuts_its_reading_down_hangs_up(
        self, app: Dispatcher
    ) -> None:
        left, right = socket.socketpair()
        source = app.add(Pipe(left))
        seen = record_all(source)
        with right:
            right.send(b"bye")
            right.shutdown(socket.SHUT_RD)
            source.write(b"x")
            settle(app)
        assert shown(seen) == [b"bye", "hangup"]

    def test_pipe_of_a_reset_socket_reads_its_data_and_ends(
        self, app: Dispatcher
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            peer, _ = server.accept()
        source = app.add(Pipe(client, framing="lines"))
        seen: list[Any] = []
        app.on(Event)(lambda e: seen.append(e) if e.source is source else None)
        app.on(Error)(lambda: None)
        peer.send(b"hello\n")
        run_until(app, lambda: seen)
        source.write(b"unread")
        peer.close()  # with data unread: a reset
        run_until(app, lambda: source.closed)
        settle(app)
        assert shown(seen)[0] == b"hello"
        assert shown(seen)[1:] in (["eof"], ["hangup"], ["error"])
        assert app.sources == ()
