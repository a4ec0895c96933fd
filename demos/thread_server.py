"""The echo server without a dispatcher: one thread for each client.

It is here for the comparison: see "select, poll, epoll" in the documentation.

    python demos/thread_server.py --port 8003
"""

import argparse
import contextlib
import socket
import threading


def serve(client: socket.socket) -> None:
    """Answer one client, for as long as it is there."""
    with client, contextlib.suppress(OSError), client.makefile("rb") as lines:
        for line in lines:
            client.sendall(line.rstrip(b"\r\n") + b"\nGood\n")


def main() -> None:
    """Serve until ctrl+c."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=8003)
    arguments = parser.parse_args()
    threading.stack_size(
        64 * 1024
    )  # the default of 8 MiB is only reserved, but adds up
    with socket.create_server(("127.0.0.1", arguments.port), backlog=1024) as server:
        print("listening on", server.getsockname(), flush=True)
        # A ctrl+c just before accept() blocks is noticed when it returns, and not before.
        server.settimeout(1.0)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                with contextlib.suppress(TimeoutError):
                    connection, _ = server.accept()
                    connection.settimeout(None)
                    threading.Thread(
                        target=serve, args=(connection,), daemon=True
                    ).start()


if __name__ == "__main__":
    main()
