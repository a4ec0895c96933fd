"""An echo server of one kind, for `bench_pollers`: prints its port, and serves until killed.

A request is a line, which comes back. ``memory`` is answered with the bytes that Python
has allocated, if it was started with ``-X tracemalloc``.
"""

import resource
import socket
import sys
import threading
import tracemalloc
from typing import Any

from evdispatch import Dispatcher, Line, Listener

KINDS: dict[str, dict[str, Any]] = {
    "select": {"poller": "select"},
    "poll": {"poller": "poll"},
    "epoll": {"poller": "epoll"},
    "epoll, edge": {"poller": "epoll", "edge": True},
}
THREADS = "threads"


def dispatch(options: dict[str, Any]) -> None:
    """Serve by a dispatcher."""
    with Dispatcher(io="inline", **options) as app:
        server = app.add(Listener("127.0.0.1:0", framing="lines", backlog=4096))

        @server.on("line")
        def echo(event: Line) -> None:
            data = event.data
            if data == b"memory":
                data = b"%d" % tracemalloc.get_traced_memory()[0]
            event.source.write(data + b"\n")

        # Above select's limit a client is turned away, which is what is to be seen.
        app.on("error")(lambda: None)
        print(server.address[1], flush=True)
        app.run()


def serve(client: socket.socket) -> None:
    """Answer one client, on its thread."""
    buffer = b""
    while data := client.recv(65_536):
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            client.sendall(line + b"\n")


def start_threads() -> None:
    """Serve by a thread for each client."""
    threading.stack_size(64 * 1024)
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1] == THREADS:
        start_threads()
    else:
        dispatch(KINDS[sys.argv[1]])
