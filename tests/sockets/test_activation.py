"""Sockets of a service manager: whose they are, which, and what is malformed."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.network import needs_ip6
from helpers.waiting import PATIENCE

from evdispatch import activated_sockets

# Puts its arguments, descriptors, where a service manager does, and becomes the program.
MANAGER = """
import os, sys
code, *fds = sys.argv[1:]
for number, fd in enumerate(fds):
    os.dup2(int(fd), 103 + number)
for number in range(len(fds)):
    os.dup2(103 + number, 3 + number)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-W", "error", "-c", code])
"""

PRELUDE = """
import os, socket, subprocess, sys
from evdispatch import Dispatcher, Listener, activated_sockets
ports = lambda found: [each.getsockname()[1] for each in found]
"""


class Manager:
    """Starts programs with two listening sockets."""

    def __init__(self, *sockets: socket.socket) -> None:
        self.fds = [each.fileno() for each in sockets]
        self.ports = [each.getsockname()[1] for each in sockets]

    def run(self, code: str, fds: list[int] | None = None, **variables: Any) -> str:
        """Return what a program prints; its standard error must be empty."""
        own = {n: v for n, v in os.environ.items() if not n.startswith("LISTEN_")}
        passed = self.fds if fds is None else fds
        done = subprocess.run(
            [sys.executable, "-S", "-c", MANAGER, PRELUDE + code, *map(str, passed)],
            pass_fds=passed,
            env={**own, "LISTEN_FDS": str(len(passed)), **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.stderr, done.returncode) == ("", 0)
        return done.stdout.strip()


@pytest.fixture
def manager() -> Iterator[Manager]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        yield Manager(one, two)


NAMES: dict[str, Any] = {"LISTEN_FDNAMES": "web:admin"}
CLOSED = "\nfor each in found: each.close()"


def test_activated_sockets_are_in_order_and_not_inherited(manager: Manager) -> None:
    code = "found = activated_sockets()\n"
    code += "print(ports(found), [each.get_inheritable() for each in found])"
    assert manager.run(code + CLOSED) == f"{manager.ports} [False, False]"


def test_activated_sockets_of_a_name_are_returned_once(manager: Manager) -> None:
    code = "found = activated_sockets('admin')\nprint(ports(found))\n"
    code += "print(activated_sockets('admin'), activated_sockets('other'))\n"
    code += "rest = activated_sockets()\nfound += rest\nprint(ports(rest))\n"
    code += "print(activated_sockets())"
    one, two = manager.ports
    assert manager.run(code + CLOSED, **NAMES).split("\n") == [
        f"[{two}]",
        "[] []",
        f"[{one}]",
        "[]",
    ]


def test_activated_sockets_with_one_name_are_all_returned(manager: Manager) -> None:
    code = "found = activated_sockets('web')\nprint(ports(found))" + CLOSED
    assert manager.run(code, LISTEN_FDNAMES="web:web") == str(manager.ports)


def test_activated_sockets_without_names_are_called_unknown(manager: Manager) -> None:
    code = "found = activated_sockets('unknown')\nprint(ports(found))" + CLOSED
    assert manager.run(code) == str(manager.ports)


def test_activated_socket_given_to_a_listener_is_listened_on(manager: Manager) -> None:
    code = "with Dispatcher() as app:\n"
    code += "    for each in activated_sockets():\n"
    code += "        print(app.add(Listener(each)).address)"
    expected = [str(("127.0.0.1", port)) for port in manager.ports]
    assert manager.run(code).split("\n") == expected


@needs_ip6
def test_activated_datagram_socket_keeps_family_and_type(manager: Manager) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        code = "found = activated_sockets()\n"
        code += "print(found[0].family.name, found[0].type.name)"
        printed = manager.run(code + CLOSED, [sock.fileno()])
    assert printed == "AF_INET6 SOCK_DGRAM"


class TestChildren:
    COUNT = "from evdispatch import activated_sockets; print(len(activated_sockets()))"

    # What was not asked for is not for children, either.
    @pytest.mark.parametrize("first", ["", "found = activated_sockets('web')\n"])
    def test_activated_sockets_in_a_forked_child_are_none(
        self, manager: Manager, first: str
    ) -> None:
        code = "found = []\n" + first
        code += "if (pid := os.fork()) == 0:\n"
        code += "    print(len(activated_sockets()), flush=True)\n    os._exit(0)\n"
        code += "os.waitpid(pid, 0)\n"
        code += "found += activated_sockets()\nprint(len(found))"
        assert manager.run(code + CLOSED, **NAMES) == "0\n2"

    def test_activated_sockets_in_a_started_child_leave_no_variables_and_descriptors(
        self, manager: Manager
    ) -> None:
        child = "import os; print([n for n in os.environ if 'LISTEN' in n])\n"
        child += "for fd in (3, 4):\n"
        child += "    try: print(os.fstat(fd))\n"
        child += "    except OSError as error: print(error.errno == 9)"
        code = "found = activated_sockets('web')\n"
        code += f"subprocess.run([sys.executable, '-c', {child!r}], close_fds=False)"
        printed = manager.run(code + CLOSED, **NAMES, LISTEN_PIDFDID="1")
        assert printed == "[]\nTrue\nTrue"

    def test_activated_sockets_after_exec_are_none(self, manager: Manager) -> None:
        code = "found = activated_sockets('web')\n"
        code += f"os.execv(sys.executable, [sys.executable, '-c', {self.COUNT!r}])"
        assert manager.run(code, **NAMES) == "0"

    def test_activated_sockets_for_another_process_are_left_alone(
        self, manager: Manager
    ) -> None:
        code = "print(activated_sockets(), os.environ['LISTEN_PID'])\n"
        code += "print(os.get_inheritable(3))"
        assert manager.run(code, LISTEN_PID="1") == "[] 1\nTrue"


class TestMalformed:
    CODE = "for _ in range(2):\n"  # the second time, too
    CODE += "    try: activated_sockets()\n"
    CODE += "    except ValueError as error: print(error)"

    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"LISTEN_FDNAMES": "one"}, "LISTEN_FDNAMES must have 2 names, got 'one'"),
            (
                {"LISTEN_FDNAMES": "a:b:c"},
                "LISTEN_FDNAMES must have 2 names, got 'a:b:c'",
            ),
            (
                {"LISTEN_FDS": "9" * 18},
                f"LISTEN_FDS is {'9' * 18}, but descriptor 5 is not open",
            ),
        ],
    )
    def test_activated_sockets_with_malformed_variables_raise(
        self, manager: Manager, variables: Any, message: str
    ) -> None:
        assert manager.run(self.CODE, **variables).split("\n") == [message] * 2

    @pytest.mark.parametrize("variable", ["LISTEN_PID", "LISTEN_FDS"])
    @pytest.mark.parametrize("text", ["some", "-1", "", "1.0", "\u0661"])
    def test_activated_sockets_with_malformed_numbers_raise(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
    ) -> None:
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "0")
        monkeypatch.setenv(variable, text)
        with pytest.raises(
            ValueError, match=f"{variable} must be a number, got '{text}'"
        ):
            activated_sockets()

    def test_activated_sockets_with_a_file_among_them_raise(
        self, manager: Manager
    ) -> None:
        with tempfile.TemporaryFile() as file:
            fds = [manager.fds[0], file.fileno()]
            code = "found = activated_sockets('web')\nprint(len(found))\n" + self.CODE
            printed = manager.run(code + CLOSED, fds, **NAMES)
        assert printed.split("\n") == [
            "1",
            *["descriptor 4, 'admin', must be a socket"] * 2,
        ]


def test_activated_sockets_without_a_manager_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LISTEN_PID", raising=False)
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert activated_sockets() == []


def test_activated_sockets_of_a_manager_that_passes_none_are_none(
    manager: Manager,
) -> None:
    assert manager.run("print(activated_sockets())", [], LISTEN_FDNAMES="") == "[]"
