"""A forwarder: what comes to one address goes to another, with back-pressure both ways.

    python demos/proxy.py 127.0.0.1:8005 example.org:80

When one side takes nothing, the other one is not read; when one side ends, the other one
is told, and may still answer.
"""

import argparse
import contextlib

from evdispatch import (
    Connect,
    Connection,
    Data,
    Disconnect,
    Dispatcher,
    Event,
    Listener,
)


def main() -> None:
    """Serve until ctrl+c."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("listen", help="where to listen: host:port or unix:PATH")
    parser.add_argument("target", help="where to forward to")
    arguments = parser.parse_args()

    app = Dispatcher()
    try:
        server = app.add(Listener(arguments.listen, half_open=True))
        Connection(arguments.target)  # not added: it tells whether it is an address
    except (OSError, ValueError) as error:
        parser.exit(1, f"proxy: {error}\n")

    @server.on("connect")
    def came(event: Connect) -> None:
        """Open the other half of the way."""
        target = app.add(Connection(arguments.target, timeout=10, half_open=True))
        event.source.data, target.data = target, event.source

    @app.on("data")
    def forward(event: Data) -> None:
        """Pass it on; if the other side has enough, read no more of this one."""
        if not event.source.data.write(event.data):
            event.source.pause()

    @app.on("drain")
    def go_on(event: Event) -> None:
        """The other side takes more."""
        event.source.data.resume()

    @app.on("eof")
    def ended(event: Event) -> None:
        """Pass the end on; the other way stays open."""
        event.source.data.write_eof()

    @app.on("disconnect")
    def gone(event: Disconnect) -> None:
        """End the other half: after what it still has to write, or at once."""
        other = event.source.data
        if event.reason in ("eof", "closed"):
            other.close()
        elif event.reason != "aborted":
            print(
                "lost", event.source.peer or arguments.target, event.error, flush=True
            )
            other.abort()

    print("listening on", server.address, flush=True)
    with app, contextlib.suppress(KeyboardInterrupt):
        app.run()


if __name__ == "__main__":
    main()
