"""TLS over real sockets: both sides ours, or the other one Python's own."""

import shutil
import socket
import ssl
import subprocess
import threading
from typing import Any

import pytest
from helpers.events import names, record_all, shown
from helpers.network import (
    CERT,
    CHUNK,
    Net,
    client_context,
    over,
    payload,
    server_context,
)
from helpers.waiting import PATIENCE

from evdispatch import Connection, Dispatcher, Line
from evdispatch.testing import VirtualClock, run_until, settle

pytestmark = pytest.mark.pollers


def start(function: Any) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


class TestServer:
    def test_tls_server_talks_to_a_python_client(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(tls=server_context(), framing="lines")
        seen = record_all(listener)
        listener.on("line")(lambda e: e.source.write(e.data.upper() + b"\n"))
        got: list[bytes] = []

        def talk() -> None:
            with (
                socket.create_connection(listener.address, timeout=PATIENCE) as plain,
                client_context().wrap_socket(plain, server_hostname="localhost") as tls,
            ):
                tls.sendall(b"one\ntwo\n")
                while b"".join(got).count(b"\n") < 2:
                    got.append(tls.recv(100))
                tls.unwrap()

        thread = start(talk)
        run_until(app, lambda: over(seen))
        thread.join()
        assert b"".join(got) == b"ONE\nTWO\n"
        assert shown(seen) == ["connect", b"one", b"two", "eof", ("disconnect", "eof")]

    def test_tls_server_ends_a_silent_client_after_handshake_timeout(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        listener = timed_net.listen(tls=server_context(), handshake_timeout=5)
        seen = record_all(listener)
        client = timed_net.client(listener)
        run_until(timed, lambda: listener.connections)
        clock.advance(4.9)
        settle(timed)
        assert seen == []
        clock.advance(0.1)
        run_until(timed, lambda: over(seen))
        assert shown(seen) == [("disconnect", "timeout")]
        assert client.recv(1) == b""

    def test_tls_server_ends_a_client_without_tls(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(tls=server_context())
        seen = record_all(listener)
        client = net.client(listener)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        run_until(app, lambda: over(seen))
        assert shown(seen) == [("disconnect", "tls")]
        assert isinstance(seen[0].error, ssl.SSLError)

    def test_tls_server_cut_off_disconnects_without_eof(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(tls=server_context())
        seen = record_all(listener)
        context = client_context()

        def talk() -> None:
            with socket.create_connection(listener.address, timeout=PATIENCE) as plain:
                tls = context.wrap_socket(plain, server_hostname="localhost")
                tls.sendall(b"data")
                with socket.socket(fileno=tls.detach()) as cut:
                    cut.settimeout(PATIENCE)
                    cut.shutdown(socket.SHUT_WR)
                    while cut.recv(CHUNK):  # the tickets: unread, they would reset it
                        pass

        thread = start(talk)
        run_until(app, lambda: "data" in names(seen))
        run_until(app, lambda: over(seen))
        thread.join()
        assert "eof" not in names(seen)
        assert seen[-1].reason == "tls"

    @pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here")
    def test_tls_server_talks_to_openssl(self, app: Dispatcher, net: Net) -> None:
        listener = net.listen(tls=server_context(), framing="lines")

        @listener.on("line")
        def answer(event: Line) -> None:
            event.source.write(event.data + b" Good\n")
            event.source.close()

        host, port = listener.address
        command = ["openssl", "s_client", "-quiet", "-verify_return_error"]
        command += ["-CAfile", str(CERT), "-connect", f"{host}:{port}"]
        with app.running():
            done = subprocess.run(
                command,
                input=b"hello\n",
                capture_output=True,
                check=False,
                timeout=PATIENCE,
            )
        assert done.stdout == b"hello Good\n", done.stderr

    @pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here")
    def test_tls_server_refuses_renegotiation(self, app: Dispatcher, net: Net) -> None:
        listener = net.listen(tls=server_context(), framing="lines")
        seen = record_all(listener)
        host, port = listener.address
        command = ["openssl", "s_client", "-tls1_2", "-connect", f"{host}:{port}"]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdin is not None
            run_until(app, lambda: "connect" in names(seen))
            process.stdin.write(b"R\n")
            process.stdin.flush()
            with app.running():
                output, _ = process.communicate(timeout=PATIENCE)
        assert b"no renegotiation" in output


class TestClient:
    def test_tls_client_talks_to_a_listener(self, app: Dispatcher, net: Net) -> None:
        listener = net.listen(tls=server_context())
        listener.on("data")(lambda e: e.source.write(e.data))
        connection = app.add(
            Connection(
                listener.address, tls=client_context(), server_hostname="localhost"
            )
        )
        connection.write(b"x" * 300_000)
        seen = record_all(connection)
        run_until(app, lambda: len(payload(seen)) == 300_000)
        assert connection.tls is not None
        assert connection.tls.version() == "TLSv1.3"
        connection.write_eof()
        run_until(app, lambda: over(seen))
        assert names(seen)[-2:] == ["eof", "disconnect"]
        assert not listener.connections

    def test_tls_client_refuses_an_untrusted_certificate(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(tls=server_context())
        connection = app.add(
            Connection(listener.address, tls=ssl.create_default_context())
        )
        seen = record_all(connection)
        run_until(app, lambda: over(seen))
        assert shown(seen) == [("disconnect", "tls")]
        assert isinstance(seen[0].error, ssl.SSLCertVerificationError)

    def test_tls_client_closed_ends_the_servers_input(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(tls=server_context())
        seen = record_all(listener)
        connection = app.add(Connection(listener.address, tls=client_context()))
        run_until(app, lambda: "connect" in names(seen))
        connection.close()
        run_until(app, lambda: over(seen))
        assert names(seen) == ["connect", "eof", "disconnect"]

    def test_tls_client_paused_still_shakes_hands(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(tls=server_context())
        connection = app.add(Connection(listener.address, tls=client_context()))
        connection.pause()
        connection.write_eof()
        seen = record_all(connection)
        run_until(app, lambda: "connect" in names(seen))
        settle(app)
        assert names(seen) == ["connect"]
        connection.resume()
        run_until(app, lambda: over(seen))
        assert names(seen) == ["connect", "eof", "disconnect"]

    def test_tls_client_exceeding_the_limit_before_the_handshake_ends(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, seen = net.peer(
            tls=client_context(), low=0, high=1000, limit=1000
        )
        connection.write(b"x" * 1000)
        assert connection.buffered >= 1000
        connection.write(b"x")
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "overflow"
