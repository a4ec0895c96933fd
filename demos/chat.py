"""A chat: everybody's lines go to everybody else.

    python demos/chat.py :8004                          nc 127.0.0.1 8004
    python demos/chat.py unix:/tmp/chat                 nc -U /tmp/chat
    python demos/chat.py :8004 --tls cert.pem key.pem   openssl s_client -connect :8004

The first line is your name; ``/who`` tells who is there.
"""

import argparse
import contextlib
import ssl

from evdispatch import Connection, Disconnect, Dispatcher, Line, Listener, on


class Room:
    """Who is there, and what they say."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def tell(self, text: str, but: Connection | None = None) -> None:
        """Say something to all who have a name."""
        for connection in self.listener.connections:
            if connection.data is not None and connection is not but:
                connection.write(f"{text}\n".encode())

    def names(self) -> list[str]:
        """Return who is there."""
        return sorted(c.data for c in self.listener.connections if c.data is not None)

    def enter(self, who: Connection, name: str) -> None:
        """Let somebody in."""
        if name in self.names():
            who.write(b"This name is taken. Another?\n")
            return
        who.data = name
        self.tell(f"* {name} has come", but=who)
        who.write(f"Hello {name}. Here are: {', '.join(self.names())}\n".encode())

    @on("line")
    def said(self, event: Line) -> None:
        """Pass on what was said; the first line is the name."""
        who, text = event.source, event.data.decode(errors="replace").strip()
        if who.data is None:
            self.enter(who, text or "nobody")
        elif text == "/who":
            who.write(f"{', '.join(self.names())}\n".encode())
        elif text.isprintable():
            self.tell(f"{who.data}: {text}", but=who)

    @on("disconnect")
    def gone(self, event: Disconnect) -> None:
        """Tell the others."""
        if event.source.data is not None:
            self.tell(f"* {event.source.data} has gone ({event.reason})")


def main() -> None:
    """Serve until ctrl+c."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("address", nargs="?", default="127.0.0.1:8004")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    given = parser.parse_args()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if given.tls else None
    with Dispatcher() as app, contextlib.suppress(KeyboardInterrupt):
        try:
            if tls is not None:
                tls.load_cert_chain(*given.tls)
            room = app.add(Listener(given.address, framing="lines", tls=tls))
        except (OSError, ValueError) as error:
            parser.exit(1, f"chat: {error}\n")
        app.register(Room(room))
        print("listening on", room.address, flush=True)
        app.run()


if __name__ == "__main__":
    main()
