"""Connections that come back: after how long, and with what."""

import socket
from functools import partial
from typing import Any

import pytest
from helpers.events import names, record_all
from helpers.network import Net, client_context, free_port, receive, reset

from evdispatch import Backoff, Connection, Dispatcher, Length
from evdispatch.testing import VirtualClock, run_until, settle


class TestComingBack:
    def test_connection_lost_is_opened_again_after_the_backoff(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        backoff = Backoff(first=1, factor=2, longest=5, jitter=0)
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = timed.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            for turn in range(3):
                run_until(timed, lambda: names(seen)[-1:] == ["connect"])
                peer = server.accept()[0]
                connection.write(b"hello")
                assert peer.recv(100) == b"hello"
                reset(peer) if turn else peer.close()
                run_until(timed, lambda: names(seen)[-1:] == ["disconnect"])
                assert seen[-1].retry_in == 1
                assert not connection.closed
                clock.advance(0.9)
                settle(timed)
                assert names(seen)[-1] == "disconnect"
                clock.advance(0.1)
            connection.close()
            settle(timed)
        assert [e.retry_in for e in seen if e.name == "disconnect"][-1] is None

    def test_connection_failing_again_waits_longer(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        backoff = Backoff(first=1, factor=2, longest=5, jitter=0)
        connection = timed.add(
            Connection(("127.0.0.1", free_port()), reconnect=backoff)
        )
        seen = record_all(connection)
        for number, delay in enumerate((1, 2, 4, 5, 5)):
            run_until(timed, partial(lambda n: len(seen) == n + 1, number))
            assert (seen[-1].reason, seen[-1].retry_in) == ("refused", delay)
            clock.advance(delay)
        connection.close()
        settle(timed)
        assert seen[-1].reason == "closed"
        assert seen[-1].retry_in is None
        clock.advance(100)
        settle(timed)
        assert seen[-1].reason == "closed"

    def test_connection_written_while_it_waits_sends_it_when_open(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = timed.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            run_until(timed, lambda: seen)
            server.accept()[0].close()
            run_until(timed, lambda: names(seen)[-1] == "disconnect")
            connection.write(b"kept")
            clock.advance(1)
            run_until(timed, lambda: names(seen)[-1] == "connect")
            settle(timed)
            assert timed_net.keep(server.accept()[0]).recv(100) == b"kept"

    def test_connection_reopened_ignores_the_eof_of_the_old_socket(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = timed.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            run_until(timed, lambda: seen)
            server.accept()[0].close()
            run_until(timed, lambda: names(seen)[-1] == "disconnect")
            old = next(event for event in seen if event.name == "eof")
            clock.advance(1)
            run_until(timed, lambda: names(seen)[-1] == "connect")
            old.on_handled()  # as if its handlers had taken so long
            settle(timed)
            assert names(seen)[-1] == "connect"
            assert not connection.closed

    def test_connection_closed_is_not_opened_again(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        """Also if it still had something to write."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = timed.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            run_until(timed, lambda: seen)
            peer = timed_net.keep(server.accept()[0])
            connection.write(b"x" * 20_000_000)
            connection.close()
            assert not connection.closed
            with timed.running():
                assert len(receive(peer, 20_000_001)) == 20_000_000
            run_until(timed, lambda: connection.closed)
            settle(timed)
            assert names(seen) == ["connect", "disconnect"]
            assert (seen[-1].reason, seen[-1].retry_in) == ("closed", None)

    def test_connection_reopened_after_a_cut_frame_reads_on(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = timed.add(
                Connection(server.getsockname(), reconnect=backoff, framing=Length(2))
            )
            seen = record_all(connection)
            run_until(timed, lambda: seen)
            with server.accept()[0] as first:
                first.sendall(b"\0\5cut")
            run_until(timed, lambda: names(seen)[-1] == "disconnect")
            settle(timed)
            clock.advance(1)
            run_until(timed, lambda: names(seen)[-1] == "connect")
            timed_net.keep(server.accept()[0]).sendall(b"\0\1x")
            run_until(timed, lambda: names(seen)[-1] == "data")
            assert names(seen) == ["connect", "disconnect", "connect", "data"]
            connection.close()

    def test_connection_tls_written_while_it_waits_is_encrypted(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = timed.add(
                Connection(
                    server.getsockname(), reconnect=backoff, tls=client_context()
                )
            )
            seen = record_all(connection)
            run_until(timed, lambda: connection.local)
            server.accept()[0].close()
            run_until(timed, lambda: names(seen) == ["disconnect"])
            connection.write(b"a secret")
            clock.advance(1)
            run_until(timed, lambda: connection.local)
            settle(timed)
            hello = timed_net.keep(server.accept()[0]).recv(1000)
            assert hello[0] == 0x16, "the record of a handshake"
            assert b"secret" not in hello
            connection.close()

    def test_backoff_with_jitter_is_spread(self) -> None:
        low = Backoff(first=1, jitter=0.5, chance=lambda: 1.0)
        high = Backoff(first=1, jitter=0.5, chance=lambda: 0.0)
        assert (low.delay(0), high.delay(0)) == (0.5, 1.0)
        assert high.delay(10**6) == 30

    @pytest.mark.parametrize(
        "wrong",
        [{"first": 0}, {"factor": -1}, {"jitter": 2}, {"longest": float("nan")}],
    )
    def test_backoff_out_of_range_raises(self, wrong: Any) -> None:
        with pytest.raises(ValueError, match=r"must be above|jitter|NaN"):
            Backoff(**wrong)
