"""The demos that serve: clients connect to them, and Ctrl+C ends them."""

import ast
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from helpers.network import CERT, KEY, client_context, receive, receive_all
from helpers.package import DEMOS
from helpers.waiting import PATIENCE

pytestmark = pytest.mark.demo


@contextlib.contextmanager
def serving(script: str, *arguments: str) -> Iterator[Any]:
    """Run a demo, yield the address it listens at, and check its exit."""
    with subprocess.Popen(
        [
            *(sys.executable, "-X", "dev", "-W", "error"),
            *(str(DEMOS / script), *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            if not line.startswith("listening on "):
                process.kill()
                raise AssertionError(line + process.communicate()[1])
            address = line.removeprefix("listening on ").strip()
            yield ast.literal_eval(address) if address[0] == "(" else address
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors) == (0, "")


def connect(address: Any) -> socket.socket:
    return socket.create_connection(address[:2], timeout=PATIENCE)


def answer_to_nc(*address: str) -> bytes:
    """Send a line with nc, and return the answer."""
    return subprocess.run(
        ["nc", "-N", *address],
        input=b"hello\n",
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    ).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--poller", "select"),
        ("--poller", "poll"),
        ("--poller", "epoll"),
        ("--poller", "epoll", "--edge"),
        ("--io", "thread"),
    ],
)
def test_echo_server_lines_are_answered(arguments: tuple[str, ...]) -> None:
    with serving("echo_server.py", "--port", "0", *arguments) as address:
        with connect(address) as one, connect(address) as two:
            for client in (one, two, one):
                client.sendall(b"hello\r\nworld\n")
                expected = b"hello\nGood\nworld\nGood\n"
                assert receive(client, len(expected)) == expected
            one.sendall(b"unfinished")
            one.shutdown(socket.SHUT_WR)
            assert receive_all(one) == b"unfinished\nGood\n"


def test_echo_server_at_a_unix_path_answers(tmp_path: Path) -> None:
    path = str(tmp_path / "echo")
    with serving("echo_server.py", "--address", f"unix:{path}") as address:
        assert address == f"unix:{path}"
        if shutil.which("nc"):
            assert answer_to_nc("-U", path) == b"hello\nGood\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(path)
            client.sendall(b"hello\n")
            assert receive(client, 11) == b"hello\nGood\n"


@pytest.mark.skipif(not shutil.which("nc"), reason="there is no nc here")
def test_echo_server_answers_nc() -> None:
    with serving("echo_server.py", "--port", "0") as (host, port):
        assert answer_to_nc(host, str(port)) == b"hello\nGood\n"


def test_thread_server_answers() -> None:
    with serving("thread_server.py", "--port", "0") as address:
        with connect(address) as client:
            client.sendall(b"hello\n")
            assert receive(client, 11) == b"hello\nGood\n"


def test_chat_lines_are_sent_to_the_others() -> None:
    with serving("chat.py", "127.0.0.1:0") as address:
        with connect(address) as ann, connect(address) as bob:
            ann.sendall(b"Ann\n")
            assert receive(ann, 25) == b"Hello Ann. Here are: Ann\n"
            bob.sendall(b"Ann\nBob\n")
            taken = b"This name is taken. Another?\n"
            assert receive(bob, len(taken)) == taken
            assert receive(bob, 30) == b"Hello Bob. Here are: Ann, Bob\n"
            assert receive(ann, 15) == b"* Bob has come\n"
            ann.sendall(b"Hi there\n/who\n")
            assert receive(bob, 14) == b"Ann: Hi there\n"
            assert receive(ann, 9) == b"Ann, Bob\n"
            bob.close()
            assert receive(ann, 21) == b"* Bob has gone (eof)\n"


def test_chat_over_tls_and_at_a_unix_path_greets(tmp_path: Path) -> None:
    tls = ("--tls", str(CERT), str(KEY))
    with serving("chat.py", "127.0.0.1:0", *tls) as address:
        with (
            connect(address) as plain,
            client_context().wrap_socket(plain, server_hostname="localhost") as ann,
        ):
            ann.sendall(b"Ann\n")
            assert ann.recv(100) == b"Hello Ann. Here are: Ann\n"
    with serving("chat.py", f"unix:{tmp_path}/chat"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(f"{tmp_path}/chat")
            client.sendall(b"Ann\n")
            assert receive(client, 25) == b"Hello Ann. Here are: Ann\n"


def test_proxy_passes_data_and_ends_in_both_directions() -> None:
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(PATIENCE)
        host, port = target.getsockname()
        with serving("proxy.py", "127.0.0.1:0", f"{host}:{port}") as address:
            with connect(address) as client:
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                with target.accept()[0] as server:
                    server.settimeout(PATIENCE)
                    assert receive_all(server) == b"question"
                    server.sendall(b"answer")
                assert receive_all(client) == b"answer"


def test_proxy_to_a_slow_reader_holds_the_sender_back() -> None:
    size = 20_000_000
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(PATIENCE)
        host, port = target.getsockname()
        with serving("proxy.py", "127.0.0.1:0", f"{host}:{port}") as address:
            with connect(address) as client, target.accept()[0] as server:
                server.settimeout(PATIENCE)
                client.settimeout(0.2)
                sent = 0
                with contextlib.suppress(TimeoutError):
                    while sent < size:
                        sent += client.send(bytes(100_000))
                client.settimeout(PATIENCE)
                assert sent < size, "the sender is held back"
                assert len(receive(server, sent)) == sent


def test_proxy_to_a_closed_port_resets_the_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        host, port = gone.getsockname()
    with serving("proxy.py", "127.0.0.1:0", f"{host}:{port}") as address:
        with connect(address) as client, pytest.raises(ConnectionResetError):
            client.recv(1)


def test_https_server_answers_urllib() -> None:
    arguments = (str(CERT), str(KEY), "--port", "0")
    with serving("https_server.py", *arguments) as address:
        url = f"https://localhost:{address[1]}/x"
        with urlopen(url, context=client_context(), timeout=PATIENCE) as answer:
            text = answer.read().decode()
    assert text.startswith("You asked: GET /x HTTP/1.1\n")
    assert "We talk: TLSv1.3" in text


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_https_server_answers_curl() -> None:
    arguments = (str(CERT), str(KEY), "--port", "0")
    with serving("https_server.py", *arguments) as address:
        url = f"https://localhost:{address[1]}/"
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--cacert", str(CERT), url],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("You asked: GET / HTTP/1.1\n")


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("echo_server.py", ("--address", "nonsense")),
        ("echo_server.py", ("--poller", "poll", "--edge")),
        ("chat.py", ("192.0.2.1:80",)),
        ("proxy.py", ("127.0.0.1:0", "nowhere")),
        ("https_server.py", ("/none/cert.pem", "/none/key.pem")),
    ],
)
def test_demo_wrong_arguments_print_no_traceback(
    script: str, arguments: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(DEMOS / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert script.removesuffix(".py") in done.stderr
