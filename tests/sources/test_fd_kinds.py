"""An `Fd` that reports once until it is rearmed, and one that reports priority data."""

import os
import socket

import pytest
from helpers.descriptors import Ends

from evdispatch import Dispatcher, Event, Fd, Priority, Readable
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


class TestOneshot:
    def test_fd_oneshot_reports_once_until_rearmed(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Fd(reader, oneshot=True))
        seen = record(source, Readable)
        os.write(writer, b"x")
        settle(app)
        assert len(seen) == 1
        os.write(writer, b"y")
        settle(app)
        assert len(seen) == 1
        source.rearm()
        settle(app)
        assert len(seen) == 2

    def test_fd_oneshot_hangup_waits_for_rearm(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Fd(reader, oneshot=True))
        source.on("readable")(lambda: os.read(reader, 10))
        os.write(writer, b"x")
        settle(app)
        ends.close(writer)
        settle(app)
        assert not source.closed
        source.rearm()
        settle(app)
        assert source.closed


class TestPriority:
    def test_fd_out_of_band_byte_is_priority_and_not_readable(
        self, app: Dispatcher
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            left = socket.create_connection(server.getsockname())
            right, _ = server.accept()
            with left, right:
                source = app.add(Fd(left, readable=True, priority=True))
                seen: list[str] = []
                source.on(Event)(lambda event: seen.append(event.name))
                source.on("priority")(lambda: left.recv(1, socket.MSG_OOB))
                right.send(b"!", socket.MSG_OOB)
                run_until(app, lambda: seen)
                settle(app)
                assert seen == ["priority"]

    def test_fd_priority_alone_is_allowed(self, app: Dispatcher) -> None:
        with open("/proc/self/mounts", "rb") as mounts:
            seen = record(app, Priority)
            app.add(Fd(mounts, readable=False, priority=True))
            settle(app)
            assert seen == []
