"""Connections that come back: after how long, and with what."""

import socket
from functools import partial
from typing import Any

import pytest
from helpers.events import names, record_all
from helpers.network import Net, free_port, receive, reset

from evdispatch import Backoff, Connection, Dispatcher
from evdispatch.testing import VirtualClock, run_until, settle


class TestComingBack:
    @pytest.fixture
    def app(self, timed: Dispatcher) -> Dispatcher:
        return timed

    def test_it_is_opened_anew_after_a_while(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        backoff = Backoff(first=1, factor=2, longest=5, jitter=0)
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = app.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            for turn in range(3):
                run_until(app, lambda: names(seen)[-1:] == ["connect"])
                peer = server.accept()[0]
                connection.write(b"hello")
                assert peer.recv(100) == b"hello"
                reset(peer) if turn else peer.close()
                run_until(app, lambda: names(seen)[-1:] == ["disconnect"])
                assert seen[-1].retry_in == 1
                assert not connection.closed
                clock.advance(0.9)
                settle(app)
                assert names(seen)[-1] == "disconnect"
                clock.advance(0.1)
            connection.close()
            settle(app)
        assert [e.retry_in for e in seen if e.name == "disconnect"][-1] is None

    def test_failures_make_it_wait_longer(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        backoff = Backoff(first=1, factor=2, longest=5, jitter=0)
        connection = app.add(Connection(("127.0.0.1", free_port()), reconnect=backoff))
        seen = record_all(connection)
        for number, delay in enumerate((1, 2, 4, 5, 5)):
            run_until(app, partial(lambda n: len(seen) == n + 1, number))
            assert (seen[-1].reason, seen[-1].retry_in) == ("refused", delay)
            clock.advance(delay)
        connection.close()
        settle(app)
        assert seen[-1].reason == "closed"
        assert seen[-1].retry_in is None
        clock.advance(100)
        settle(app)
        assert seen[-1].reason == "closed"

    def test_what_is_written_meanwhile_goes_to_the_next(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = app.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            run_until(app, lambda: seen)
            server.accept()[0].close()
            run_until(app, lambda: names(seen)[-1] == "disconnect")
            connection.write(b"kept")
            clock.advance(1)
            run_until(app, lambda: names(seen)[-1] == "connect")
            settle(app)
            assert net.keep(server.accept()[0]).recv(100) == b"kept"

    def test_a_late_end_of_the_old_one_does_not_end_the_new_one(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = app.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            run_until(app, lambda: seen)
            server.accept()[0].close()
            run_until(app, lambda: names(seen)[-1] == "disconnect")
            old = next(event for event in seen if event.name == "eof")
            clock.advance(1)
            run_until(app, lambda: names(seen)[-1] == "connect")
            old.release()  # as if its handlers had taken so long
            settle(app)
            assert names(seen)[-1] == "connect"
            assert not connection.closed

    def test_one_that_was_closed_does_not_come_back(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        """Also if it still had something to write."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            backoff = Backoff(first=1, jitter=0)
            connection = app.add(Connection(server.getsockname(), reconnect=backoff))
            seen = record_all(connection)
            run_until(app, lambda: seen)
            peer = net.keep(server.accept()[0])
            connection.write(b"x" * 20_000_000)
            connection.close()
            assert not connection.closed
            with app.running():
                assert len(receive(peer, 20_000_001)) == 20_000_000
            run_until(app, lambda: connection.closed)
            settle(app)
            assert names(seen) == ["connect", "disconnect"]
            assert (seen[-1].reason, seen[-1].retry_in) == ("closed", None)

    def test_chance_spreads_it(self) -> None:
        low = Backoff(first=1, jitter=0.5, chance=lambda: 1.0)
        high = Backoff(first=1, jitter=0.5, chance=lambda: 0.0)
        assert (low.delay(0), high.delay(0)) == (0.5, 1.0)
        assert high.delay(10**6) == 30

    @pytest.mark.parametrize(
        "wrong",
        [{"first": 0}, {"factor": -1}, {"jitter": 2}, {"longest": float("nan")}],
    )
    def test_a_backoff_that_can_not_be(self, wrong: Any) -> None:
        with pytest.raises(ValueError, match=r"must be above|jitter|NaN"):
            Backoff(**wrong)
