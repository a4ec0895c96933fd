"""The classic echo server: each line comes back, and then "Good".

    python demos/echo_server.py --port 8002 --poller epoll --edge
    nc 127.0.0.1 8002

The same server runs on select, poll and epoll, level- and edge-triggered.
"""

import argparse
import contextlib

from evdispatch import Connect, Disconnect, Dispatcher, Line, Listener


def main() -> None:
    """Serve until ctrl+c."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--address", help="host:port or unix:PATH; else --port is taken"
    )
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument(
        "--poller", choices=["select", "poll", "epoll"], default="epoll"
    )
    parser.add_argument(
        "--edge", action="store_true", help="edge-triggered (epoll only)"
    )
    parser.add_argument("--io", choices=["auto", "thread", "inline"], default="inline")
    arguments = parser.parse_args()
    if arguments.edge and arguments.poller != "epoll":
        parser.error(f"--edge needs --poller epoll, not {arguments.poller}")

    app = Dispatcher(poller=arguments.poller, edge=arguments.edge, io=arguments.io)
    address = arguments.address or f"127.0.0.1:{arguments.port}"
    try:
        server = app.add(Listener(address, framing="lines"))
    except (OSError, ValueError) as error:
        parser.exit(1, f"echo_server: {error}\n")

    @server.on("connect")
    def came(event: Connect) -> None:
        """Tell who is there."""
        print("connect", event.address, flush=True)

    @server.on("line")
    def echo(event: Line) -> None:
        """Answer in one write: line and verdict."""
        event.source.write(event.data + b"\nGood\n")

    @server.on("disconnect")
    def went(event: Disconnect) -> None:
        """Tell who has gone, and why."""
        print("disconnect", event.source.peer, event.reason, flush=True)

    print("listening on", server.address, flush=True)
    with app, contextlib.suppress(KeyboardInterrupt):
        app.run()


if __name__ == "__main__":
    main()
