"""Addresses as users write them, and back."""

from typing import Any

import pytest

from evdispatch.sources.net._addresses import HostPort, UnixPath, parse, show


@pytest.mark.parametrize(
    ("given", "expected", "text"),
    [
        ("localhost:80", HostPort("localhost", 80), "localhost:80"),
        (":80", HostPort(None, 80), ":80"),
        ("127.0.0.1:0", HostPort("127.0.0.1", 0), "127.0.0.1:0"),
        ("[::1]:8002", HostPort("::1", 8002), "[::1]:8002"),
        ("[fe80::1%eth0]:1", HostPort("fe80::1%eth0", 1), "[fe80::1%eth0]:1"),
        (("::1", 80), HostPort("::1", 80), "[::1]:80"),
        (("", 80), HostPort(None, 80), ":80"),
        ((None, 80), HostPort(None, 80), ":80"),
        ("unix:/tmp/x", UnixPath("/tmp/x"), "unix:/tmp/x"),
        ("unix:rel ative", UnixPath("rel ative"), "unix:rel ative"),
        ("unix:@name", UnixPath("\0name"), "unix:@name"),
        ("unix:\udcff", UnixPath("\udcff"), "unix:\udcff"),
        ("unix:" + "x" * 107, UnixPath("x" * 107), "unix:" + "x" * 107),
    ],
)
def test_address_well_formed_is_parsed_and_shown(
    given: Any, expected: Any, text: str
) -> None:
    assert parse(given) == expected
    assert parse(parse(given)) == expected
    assert show(expected) == text
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("localhost", ValueError, "host:port"),
        ("::1:80", ValueError, r"brackets, '\[ip6\]:port', got '::1:80'"),
        ("[host]:80", ValueError, "host:port"),
        ("host:\u0668\u0660", ValueError, "host:port"),
        (("[::1]", 80), ValueError, "host must be"),
        (("a b", 80), ValueError, "host must be"),
        ("a" * 64 + ":80", ValueError, "host must be"),
        ("a..b:80", ValueError, "host must be"),
        ("host:99999", ValueError, "65535"),
        ("host:-1", ValueError, "host:port"),
        ("host:", ValueError, "host:port"),
        ("ho st:1", ValueError, "host must be"),
        ("ho\0st:1", ValueError, "host must be"),
        ("[::1]", ValueError, "host:port"),
        ("", ValueError, "host:port"),
        ("unix:", ValueError, "path must not be"),
        ("unix:@", ValueError, "path must not be"),
        ("unix:a\0b", ValueError, "path must not be"),
        ("unix:" + "x" * 108, ValueError, "107 bytes, got 108"),
        ("unix:" + "\udcff" * 108, ValueError, "107 bytes, got 108"),
        ("unix:" + "é" * 54, ValueError, "107 bytes, got 108"),
        (("a", "80"), TypeError, "whole number"),
        (("a", True), TypeError, "whole number"),
        (("a", 80.0), TypeError, "whole number"),
        ((b"a", 80), TypeError, "must be a str"),
        (("a", 80, 0), TypeError, "host, port"),
        (80, TypeError, "host:port"),
        (None, TypeError, "host:port"),
        (b"a:80", TypeError, "host:port"),
    ],
)
def test_address_malformed_raises(
    given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        parse(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("::1", 80, 0, 0), "[::1]:80"),
        (("fe80::1", 80, 0, 2), "[fe80::1%2]:80"),
        (("fe80::1%eth0", 80, 0, 2), "[fe80::1%eth0]:80"),
        ("/tmp/x", "unix:/tmp/x"),
        (b"\0name", "unix:@name"),
        (b"/tmp/\xff", "unix:/tmp/\udcff"),
        ("", "unix:"),
        (None, "None"),
    ],
)
def test_address_of_the_socket_module_is_shown(given: Any, expected: str) -> None:
    assert show(given) == expected
