"""TLS from bytes to bytes: two engines talk to each other in memory."""

import random
import ssl
from collections.abc import Callable, Iterator

import pytest
from helpers.network import client_context, server_context

from evdispatch.sources._streams._tls import TlsEngine

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


def test_both_sides_get_what_was_sent(cut: Cut) -> None:
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


def test_what_comes_before_the_end_in_one_piece_is_data(cut: Cut) -> None:
    talk = Talk(cut)
    talk.settle()
    talk.client.send(b"last words")
    talk.client.close()
    talk.settle()
    assert talk.got[talk.server] == b"last words"
    assert talk.server.ended
    talk.server.receive_eof()


def test_after_the_others_end_one_may_still_send() -> None:
    talk = Talk()
    talk.settle()
    talk.client.close()
    talk.settle()
    talk.server.send(b"still here")
    talk.server.close()
    talk.settle()
    assert talk.got[talk.client] == b"still here"
    assert talk.client.ended


def test_a_cut_off_is_an_error_even_where_openssl_would_overlook_it() -> None:
    server = server_context()
    server.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    talk = Talk(server=server)
    with pytest.raises(ssl.SSLEOFError, match="handshake was cut off"):
        talk.server.receive_eof()
    talk.settle()
    with pytest.raises(ssl.SSLEOFError, match="data was cut off"):
        talk.server.receive_eof()


def test_what_is_no_tls_is_refused_with_an_alert() -> None:
    server = TlsEngine(server_context(), server_side=True)
    with pytest.raises(ssl.SSLError):
        list(server.receive(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    assert not server.established
    other = TlsEngine(server_context(), server_side=True)
    with pytest.raises(ssl.SSLError):
        list(other.receive(bytes(range(256)) * 10))


def test_garbage_in_the_midst_comes_after_the_data() -> None:
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


def test_a_certificate_that_is_not_trusted() -> None:
    talk = Talk(client=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        talk.settle()
    assert talk.client.take(), "the server is told"


def test_a_certificate_for_another_host() -> None:
    talk = Talk(hostname="example.org")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"example\.org"):
        talk.settle()


def test_names_and_protocols_are_agreed_upon() -> None:
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
def test_each_version(version: ssl.TLSVersion, cut: Cut) -> None:
    client = client_context()
    client.minimum_version = client.maximum_version = version
    talk = Talk(cut, client=client)
    talk.client.send(b"x" * 50_000)
    talk.settle()
    assert talk.got[talk.server] == b"x" * 50_000


def test_nobody_may_renegotiate() -> None:
    talk = Talk()
    assert talk.server.object.context.options & ssl.OP_NO_RENEGOTIATION


def test_closing_before_the_handshake_says_nothing() -> None:
    server = TlsEngine(server_context(), server_side=True)
    server.close()
    assert server.take() == b""
