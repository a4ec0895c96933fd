"""TLS from bytes to bytes: two engines talk to each other in memory."""

import random
import ssl
from collections.abc import Callable, Iterator

import pytest
from helpers.network import client_context, server_context

from evdispatch.sources.stream._tls import TlsEngine

Cut = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 1] for i in range(len(data)))


def at_random(data: bytes) -> Iterator[bytes]:
    rng = random.Random(len(data))
    while data:
        size = rng.randrange(1, 3000)
        yield data[:size]
        data = data[size:]


class Talk:
    """A client and a server, and what each has got."""

    def __init__(
        self,
        cut: Cut = whole,
        client: ssl.SSLContext | None = None,
        server: ssl.SSLContext | None = None,
        hostname: str = "localhost",
    ) -> None:
        self.client = TlsEngine(
            client or client_context(), server_side=False, server_hostname=hostname
        )
        self.server = TlsEngine(server or server_context(), server_side=True)
        self.cut = cut
        self.got = {self.client: b"", self.server: b""}
        self.client.start()

    def carry(self, source: TlsEngine, target: TlsEngine) -> bool:
        data = source.take()
        for piece in self.cut(data):
            for plain in target.receive(piece):
                self.got[target] += plain
        return bool(data)

    def settle(self) -> None:
        while self.carry(self.client, self.server) | self.carry(
            self.server, self.client
        ):
            pass


@pytest.fixture(params=[whole, byte_by_byte, at_random])
def cut(request: pytest.FixtureRequest) -> Cut:
    found: Cut = request.param
    return found


def test_tls_engine_data_arrives_on_both_sides(cut: Cut) -> None:
    talk = Talk(cut)
    talk.client.send(b"early")
    assert talk.client.kept == 5
    talk.settle()
    assert talk.client.established
    assert talk.server.established
    assert talk.client.kept == 0
    talk.server.send(b"hello " * 10_000)
    talk.client.send(b"x")
    talk.settle()
    assert talk.got[talk.server] == b"earlyx"
    assert talk.got[talk.client] == b"hello " * 10_000
    assert talk.client.object.version() == "TLSv1.3"


def test_tls_engine_data_before_the_end_arrives(cut: Cut) -> None:
    talk = Talk(cut)
    talk.settle()
    talk.client.send(b"last words")
    talk.client.close()
    talk.settle()
    assert talk.got[talk.server] == b"last words"
    assert talk.server.ended
    talk.server.receive_eof()


def test_tls_engine_may_send_after_the_peers_end() -> None:
    talk = Talk()
    talk.settle()
    talk.client.close()
    talk.settle()
    talk.server.send(b"still here")
    talk.server.close()
    talk.settle()
    assert talk.got[talk.client] == b"still here"
    assert talk.client.ended


def test_tls_engine_cut_off_raises_even_if_openssl_ignores_it() -> None:
    server = server_context()
    server.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    talk = Talk(server=server)
    with pytest.raises(ssl.SSLEOFError, match="handshake was cut off"):
        talk.server.receive_eof()
    talk.settle()
    with pytest.raises(ssl.SSLEOFError, match="data was cut off"):
        talk.server.receive_eof()


def test_tls_engine_input_without_tls_raises_and_makes_an_alert() -> None:
    server = TlsEngine(server_context(), server_side=True)
    with pytest.raises(ssl.SSLError):
        list(server.receive(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    assert not server.established
    other = TlsEngine(server_context(), server_side=True)
    with pytest.raises(ssl.SSLError):
        list(other.receive(bytes(range(256)) * 10))


def test_tls_engine_garbage_after_data_raises_after_the_data() -> None:
    talk = Talk()
    talk.settle()
    talk.client.send(b"good")
    pieces = talk.server.receive(
        talk.client.take() + b"\x17\x03\x03\x00\x20" + b"x" * 32
    )
    assert next(pieces) == b"good"
    with pytest.raises(ssl.SSLError):
        next(pieces)
    assert talk.server.take()[0] == 0x17  # the alert, encrypted


def test_tls_engine_untrusted_certificate_raises() -> None:
    talk = Talk(client=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        talk.settle()
    assert talk.client.take(), "an alert for the server"


def test_tls_engine_certificate_of_another_host_raises() -> None:
    talk = Talk(hostname="example.org")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"example\.org"):
        talk.settle()


def test_tls_engine_names_and_protocols_are_negotiated() -> None:
    client, server = client_context(), server_context()
    client.set_alpn_protocols(["http/1.1", "h2"])
    server.set_alpn_protocols(["h2"])
    asked: list[str | None] = []
    server.sni_callback = lambda _, name, __: asked.append(name)
    talk = Talk(client=client, server=server)
    talk.settle()
    assert asked == ["localhost"]
    assert talk.server.object.selected_alpn_protocol() == "h2"
    assert talk.client.object.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_engine_each_version_works(version: ssl.TLSVersion, cut: Cut) -> None:
    client = client_context()
    client.minimum_version = client.maximum_version = version
    talk = Talk(cut, client=client)
    talk.client.send(b"x" * 50_000)
    talk.settle()
    assert talk.got[talk.server] == b"x" * 50_000


def test_tls_engine_renegotiation_is_disabled() -> None:
    talk = Talk()
    assert talk.server.object.context.options & ssl.OP_NO_RENEGOTIATION


def test_tls_engine_closed_before_the_handshake_sends_nothing() -> None:
    server = TlsEngine(server_context(), server_side=True)
    server.close()
    assert server.take() == b""
