"""What two threads do to one connection at once, step by step."""

import os
import socket

import pytest
from helpers.events import names, record_all
from helpers.network import Net, over

from evdispatch import Connection, Dispatcher
from evdispatch.testing import run_until, settle

pytestmark = pytest.mark.pollers


def test_connection_woken_after_its_end_disconnects_once(
    app: Dispatcher, net: Net
) -> None:
    """The pump may have taken it from the woken ones just before it was closed."""
    connection, _, seen = net.pair()
    settle(app)
    connection.close()
    for _ in range(3):
        app._registrations.wake(connection)
        settle(app)
    assert names(seen) == ["connect", "disconnect"]


def test_connection_paused_as_it_ends_leaves_its_number_alone(
    app: Dispatcher, net: Net, pair: tuple[socket.socket, socket.socket]
) -> None:
    """It holds on to its host while it waits for the lock; the number may be another's."""
    connection, client, seen = net.pair()
    settle(app)
    host = connection.host
    client.close()
    run_until(app, lambda: over(seen))
    number = os.dup2(pair[0].fileno(), connection.registration.fd)
    other = app.add(Connection(socket.socket(fileno=number)))
    others = record_all(other)
    connection.registration.held = True
    host.update(connection)
    host.reschedule(connection)
    host.set_deadline(connection, 0.0)
    settle(app)
    assert app._registrations.by_fd[number] is other.registration
    assert app._registrations.ready == {}
    assert app.timeout() is None
    assert names(others) == ["connect"]
