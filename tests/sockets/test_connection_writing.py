"""Writing to a connection: order, marks, the cap, half-closing, and a peer that is gone."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading

import pytest
from helpers.events import names, shown
from helpers.network import Net, over, receive, reset
from helpers.waiting import PATIENCE

from evdispatch import ClosedError, Connection, Dispatcher, StateError
from evdispatch.testing import run_until, settle

pytestmark = pytest.mark.pollers


class TestWriting:
    def test_connection_write_is_sent_at_once(self, app: Dispatcher, net: Net) -> None:
        connection, client, _ = net.pair()
        assert connection.write(b"abc")
        assert connection.writelines([b"d", b"", b"ef"])
        assert receive(client, 6) == b"abcdef"
        assert connection.buffered == 0

    def test_connection_write_beyond_the_kernel_is_buffered_in_order(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(1 << 12)
        sent = random.Random(2).randbytes(4_000_000)
        for start in range(0, len(sent), 100_000):
            connection.write(sent[start : start + 100_000])
        assert connection.buffered > 0
        got = bytearray()
        client.settimeout(0)
        while len(got) < len(sent):
            with contextlib.suppress(BlockingIOError):
                got += client.recv(1 << 20)
            app.step()
        assert got == sent
        settle(app)
        assert connection.buffered == 0
        assert names(seen) == ["connect", "drain"]

    def test_connection_write_above_the_high_mark_returns_false_until_drain(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(1 << 12, high=1000, low=100)
        while connection.write(b"x" * 50_000):
            pass
        assert connection.buffered > 1000
        client.settimeout(0)
        while "drain" not in names(seen):
            with contextlib.suppress(BlockingIOError):
                client.recv(1 << 20)
            app.step()
        assert connection.buffered <= 100

    def test_connection_write_copies_the_callers_buffer(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()
        data = bytearray(b"abc")
        connection.write(data)
        data[:] = b"xyz"
        connection.write(memoryview(b"def"))
        assert receive(client, 6) == b"abcdef"

    @pytest.mark.parametrize("wrong", ["text", 3, None, [b"x"]])
    def test_connection_write_of_no_bytes_object_raises(
        self, app: Dispatcher, net: Net, wrong: bytes
    ) -> None:
        connection, _, _ = net.pair()
        with pytest.raises(TypeError):
            connection.write(wrong)

    def test_connection_write_of_nothing_is_allowed(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, _ = net.pair()
        assert connection.write(b"")
        assert connection.buffered == 0

    def test_connection_write_from_threads_keeps_pieces_whole(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()

        def write(number: int) -> None:
            for _ in range(200):
                connection.write(b"%d" % number * 100)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        with app.running():
            for thread in threads:
                thread.start()
            got = receive(client, 4 * 200 * 100)
            for thread in threads:
                thread.join()
        assert all(got.count(b"%d" % n) == 20_000 for n in range(4))
        pieces = {got[i : i + 100] for i in range(0, len(got), 100)}
        assert pieces == {b"%d" % n * 100 for n in range(4)}

    def test_connection_small_writes_are_buffered_together(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair(1 << 12)
        while connection.buffered == 0:
            connection.write(b"x" * 100_000)
        size = connection.buffered
        for _ in range(20_000):
            connection.write(b"y")
        assert connection.buffered == size + 20_000
        client.close()


class TestHalfClosing:
    def test_connection_write_eof_sends_the_rest_and_then_the_end(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(1 << 12)
        connection.write(b"x" * 1_000_000)
        connection.write_eof()
        connection.write_eof()
        got = bytearray()
        client.settimeout(0)
        while True:
            try:
                piece = client.recv(1 << 20)
            except BlockingIOError:
                app.step()
                continue
            if not piece:
                break
            got += piece
        assert len(got) == 1_000_000
        client.settimeout(PATIENCE)
        client.sendall(b"and you?")
        run_until(app, lambda: "data" in names(seen))
        with pytest.raises(ClosedError):
            connection.write(b"more")
        client.close()
        run_until(app, lambda: over(seen))


class TestGone:
    def test_connection_write_to_a_gone_peer_returns_false(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        reset(client)
        results = [connection.write(b"x" * 1000) for _ in range(20)]
        assert results[-1] is False
        run_until(app, lambda: over(seen))
        assert connection.write(b"x") is False
        connection.write_eof()
        assert seen[-1].reason == "reset"
        assert isinstance(seen[-1].error, OSError)

    def test_connection_write_in_a_handler_to_a_gone_peer_does_not_raise(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(framing="lines")
        connection.on("line")(lambda e: e.source.write(e.data * 1000))
        client.sendall(b"line\n" * 10_000)
        reset(client)
        run_until(app, lambda: over(seen))
        assert names(seen).count("disconnect") == 1

    def test_connection_write_after_close_raises(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, _ = net.pair()
        connection.close()
        with pytest.raises(ClosedError):
            connection.write(b"x")
        connection.write_eof()

    def test_connection_write_before_it_is_added_raises(self) -> None:
        connection = Connection("127.0.0.1:1")
        with pytest.raises(StateError):
            connection.write(b"x")
        with pytest.raises(StateError):
            connection.write_eof()

    def test_connection_write_above_the_limit_ends_it(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, seen = net.pair(1 << 12, limit=1_000_000)
        for _ in range(100):
            connection.write(b"x" * 100_000)
            assert connection.buffered <= 1_000_000
        run_until(app, lambda: over(seen))
        assert shown(seen) == ["connect", ("disconnect", "overflow")]
        assert isinstance(seen[-1].error, OSError)

    def test_connection_write_of_100_mb_keeps_the_limit(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, seen = net.pair(1 << 12)
        piece = bytes(1 << 20)
        most = 0
        for _ in range(100):
            connection.write(piece)
            most = max(most, connection.buffered)
        run_until(app, lambda: over(seen))
        assert 60 * 2**20 < most <= 64 * 2**20
        assert connection.buffered == 0
        assert seen[-1].reason == "overflow"

    def test_connection_write_with_sigpipe_at_default_does_not_kill(self) -> None:
        """Where a program has set it back to its default."""
        code = """
import os, signal, socket
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from evdispatch import Connection, Dispatcher
from evdispatch.testing import run_until
left, right = socket.socketpair()
with Dispatcher() as app:
    source = app.add(Connection(left))
    seen = []
    source.on("disconnect")(seen.append)
    right.close()
    source.write(b"x")
    source.write(b"x")
    run_until(app, lambda: seen)
print("alive")
"""
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.stdout == b"alive\n", done.stderr


def test_tests_process_ignores_sigpipe() -> None:
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    os.close(writer)
    assert socket.MSG_NOSIGNAL
