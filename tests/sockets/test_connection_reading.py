"""What comes in by a connection: data, lines, frames, and how it ends."""

import contextlib
import random
import socket
from typing import Any

import pytest
from helpers.events import names, record_all, shown
from helpers.network import Net, over, payload, reset

from evdispatch import Connection, Dispatcher, FrameError, Length
from evdispatch.testing import run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


class TestReading:
    def test_connection_reads_data_and_eof(self, app: Dispatcher, net: Net) -> None:
        connection, client, seen = net.pair()
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        run_until(app, lambda: over(seen))
        assert shown(seen) == ["connect", b"hello", "eof", ("disconnect", "eof")]
        assert seen[0].address == client.getsockname() == connection.peer
        assert seen[-1].error is None
        assert client.recv(1) == b""

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    def test_connection_lines_cut_anywhere_arrive_whole(
        self, app: Dispatcher, net: Net, size: int
    ) -> None:
        _, client, seen = net.pair(framing="lines")
        data = b"one\r\n\ntwo\x00\nthree"
        for start in range(0, len(data), size):
            client.sendall(data[start : start + size])
            app.step()
        client.shutdown(socket.SHUT_WR)
        run_until(app, lambda: over(seen))
        lines = [event.data for event in seen if event.name == "line"]
        assert lines == [b"one", b"", b"two\x00", b"three"]

    def test_connection_frames_with_a_length_arrive_whole(
        self, app: Dispatcher, net: Net
    ) -> None:
        _, client, seen = net.pair(framing=Length(2))
        client.sendall(b"\x00\x03abc\x00\x00\x00\x01")
        client.sendall(b"x")
        client.close()
        run_until(app, lambda: over(seen))
        assert shown(seen)[1:-1] == [b"abc", b"", b"x", "eof"]

    def test_connection_frames_of_an_own_function_arrive_whole(
        self, app: Dispatcher, net: Net
    ) -> None:
        def take(buffer: bytearray) -> bytes | None:
            if len(buffer) < 3:
                return None
            frame = bytes(buffer[:3])
            del buffer[:3]
            return frame

        _, client, seen = net.pair(framing=take)
        client.sendall(b"abcdef")
        client.close()
        run_until(app, lambda: over(seen))
        assert shown(seen)[1:3] == [b"abc", b"def"]

    @pytest.mark.parametrize("framing", ["lines", Length(4)])
    def test_connection_broken_framing_ends_it(
        self, app: Dispatcher, net: Net, framing: Any
    ) -> None:
        _, client, seen = net.pair(framing=framing, max_line=10)
        client.sendall(b"\xff" * 100 + b"\nok\n")
        run_until(app, lambda: over(seen))
        assert names(seen) == ["connect", "disconnect"]
        assert seen[-1].reason == "frame"
        assert isinstance(seen[-1].error, FrameError)

    def test_connection_much_data_arrives_in_order(
        self, app: Dispatcher, net: Net
    ) -> None:
        sent = random.Random(1).randbytes(3_000_000)
        connection, client, seen = net.pair()
        client.settimeout(0)
        view = memoryview(sent)
        while view or len(payload(seen)) < len(sent):
            with contextlib.suppress(BlockingIOError):
                view = view[client.send(view) :]
            app.step()
        assert payload(seen) == sent
        assert connection.counts.read == len(seen)

    def test_connection_with_much_data_does_not_starve_others(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        order: list[Any] = []
        listener.on("data")(lambda event: order.append(event.source.peer))
        busy, quiet = net.client(listener), net.client(listener)
        run_until(app, lambda: len(listener.connections) == 2)
        settle(app)
        busy.settimeout(0)
        quiet.sendall(b"x")

        def heard_quiet() -> bool:
            with contextlib.suppress(BlockingIOError):
                while True:
                    busy.send(bytes(1 << 20))
            return quiet.getsockname() in order

        run_until(app, heard_quiet)
        if app._io_mode == "inline":  # else the IO thread is as fast as it is let
            # A turn's worth of the busy one came first, and what was on its way.
            assert order.index(quiet.getsockname()) <= 2 * 16

    def test_connection_of_an_existing_socket_reads_and_writes(
        self, app: Dispatcher, net: Net, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        left, right = pair
        connection = app.add(Connection(left))
        seen = record_all(connection)
        right.sendall(b"x")
        run_until(app, lambda: len(seen) == 2)
        connection.write(b"y")
        assert right.recv(10) == b"y"
        connection.close()
        assert left.fileno() == -1
        run_until(app, lambda: over(seen))


class TestEnds:
    def test_connection_data_comes_before_its_eof(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.pause()
        client.sendall(b"x" * 150_000)
        client.shutdown(socket.SHUT_WR)
        settle(app)
        connection.resume()
        run_until(app, lambda: over(seen))
        assert len(payload(seen)) == 150_000
        assert names(seen)[-2:] == ["eof", "disconnect"]

    def test_connection_data_comes_before_its_reset(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.pause()
        settle(app)
        client.sendall(b"last words")
        reset(client)
        connection.resume()
        run_until(app, lambda: over(seen))
        assert names(seen).count("disconnect") == 1
        assert "eof" not in names(seen)
        assert seen[-1].reason == "reset"
        assert isinstance(seen[-1].error, ConnectionResetError)

    def test_connection_data_of_a_reset_unix_socket_comes_before_its_end(
        self, app: Dispatcher, net: Net, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        """The other side closes with unread input: ours is reset after its data."""
        left, right = pair
        connection = app.add(Connection(left))
        seen = record_all(connection)
        settle(app)
        connection.write(b"unread")
        right.sendall(b"data")
        right.close()
        run_until(app, lambda: over(seen))
        assert payload(seen) == b"data"
        assert names(seen).count("disconnect") == 1

    def test_connection_answer_to_eof_is_sent(self, app: Dispatcher, net: Net) -> None:
        connection, client, seen = net.pair()
        connection.on("eof")(lambda: connection.write(b"bye"))
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
        run_until(app, lambda: over(seen))
        assert client.recv(10) == b"bye"
        assert client.recv(10) == b""

    def test_connection_half_open_stays_after_eof(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(half_open=True)
        client.shutdown(socket.SHUT_WR)
        run_until(app, lambda: "eof" in names(seen))
        settle(app)
        assert not connection.closed
        connection.write(b"still here")
        assert client.recv(100) == b"still here"
        connection.write_eof()
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "eof"
        assert client.recv(1) == b""

    def test_connection_half_open_and_reset_ends(
        self, app: Dispatcher, net: Net
    ) -> None:
        _, client, seen = net.pair(half_open=True)
        client.shutdown(socket.SHUT_WR)
        run_until(app, lambda: "eof" in names(seen))
        settle(app)
        reset(client)
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "reset"

    def test_connection_ended_on_both_sides_disconnects_once(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.write_eof()
        assert client.recv(1) == b""
        client.shutdown(socket.SHUT_WR)
        run_until(app, lambda: over(seen))
        settle(app)
        assert shown(seen) == ["connect", "eof", ("disconnect", "eof")]


class TestPauses:
    def test_connection_paused_reads_nothing_and_does_not_spin(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.pause()
        client.sendall(b"x")
        client.close()
        settle(app)
        before = app.stats().polls
        for _ in range(5):
            app.step(0.005)
        assert app.stats().polls - before <= 12
        assert names(seen) == ["connect"]
        connection.resume()
        run_until(app, lambda: over(seen))
        assert payload(seen) == b"x"

    def test_connection_paused_and_reset_does_not_spin(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(1 << 12)
        connection.pause()
        connection.write(b"x" * 5_000_000)
        reset(client)
        settle(app)
        before = app.stats().polls
        for _ in range(5):
            app.step(0.005)
        assert app.stats().polls - before <= 12
        connection.resume()
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "reset"

    def test_connection_paused_between_two_lines_goes_on_after_resume(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(framing="lines")
        connection.on("line", once=True)(connection.pause)
        client.sendall(b"".join(b"%d\n" % n for n in range(1000)))
        run_until(app, lambda: "line" in names(seen))
        settle(app)
        connection.resume()
        run_until(app, lambda: len(seen) == 1001)
        assert [e.data for e in seen[1:]] == [b"%d" % n for n in range(1000)]
