"""A little HTTPS server: it tells each visitor what it knows of the connection.

    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost
    python demos/https_server.py cert.pem key.pem --port 8443
    curl --cacert cert.pem https://localhost:8443/

It speaks as much HTTP/1.0 as curl and a browser need, and no more.
"""

import argparse
import contextlib
import ssl

from evdispatch import Data, Dispatcher, Listener


def request(buffer: bytearray) -> bytes | None:
    """Take the head of a request out of the buffer, up to the empty line."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    del buffer[: end + 4]
    return head


def main() -> None:
    """Serve until ctrl+c."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cert")
    parser.add_argument("key")
    parser.add_argument("--port", type=int, default=8443)
    arguments = parser.parse_args()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1", "http/1.0"])

    app = Dispatcher()
    try:
        context.load_cert_chain(arguments.cert, arguments.key)
        server = app.add(
            Listener(
                f"localhost:{arguments.port}",
                framing=request,
                tls=context,
                idle_timeout=30,
                handshake_timeout=5,
            )
        )
    except (OSError, ValueError) as error:
        parser.exit(1, f"https_server: {error}\n")

    @server.on("data")
    def answer(event: Data) -> None:
        """Answer a request, and close."""
        connection = event.source
        first = event.data.split(b"\r\n", 1)[0].decode("ascii", "replace")
        body = f"You asked: {first}\nYou come from: {connection.peer[0]}\n"
        body += f"We talk: {connection.tls.version()} {connection.tls.cipher()[0]}\n"
        head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        connection.write((head + body).encode())
        connection.close()

    print("listening on", server.address, flush=True)
    with app, contextlib.suppress(KeyboardInterrupt):
        app.run()


if __name__ == "__main__":
    main()
