"""What vectors.jsonl leaves out: pastes and sequences above a limit."""

from typing import Any

from evdispatch.terminal import Decoder, Key, Paste, Unknown


def paste(body: bytes, **options: Any) -> list[tuple[str, bool]]:
    events = Decoder(**options).feed(b"\x1b[200~" + body + b"\x1b[201~")
    assert all(isinstance(event, Paste) for event in events)
    return [(e.text, e.truncated) for e in events if isinstance(e, Paste)]


def test_paste_above_the_limit_comes_in_pieces() -> None:
    assert paste(b"x" * 16, paste_limit=16) == [("x" * 16, False)]
    pieces = [("x" * 16, True), ("x" * 16, True), ("x", False)]
    assert paste(b"x" * 33, paste_limit=16) == pieces


def test_paste_pieces_keep_characters_and_line_ends_whole() -> None:
    assert paste(b"x" * 14 + "😀y".encode(), paste_limit=16) == [
        ("x" * 14, True),
        ("😀y", False),
    ]
    assert paste(b"x" * 15 + b"\r\ny", paste_limit=16, paste_newlines="lf") == [
        ("x" * 15, True),
        ("\ny", False),
    ]
    assert paste(b"\x80" * 17, paste_limit=16)[0] == ("\ufffd" * 13, True)


def test_flushed_paste_has_the_beginning_of_an_end_marker() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b[200~abc\x1b[20")
    (event,) = decoder.flush()
    assert isinstance(event, Paste)
    assert (event.text, event.truncated) == ("abc\x1b[20", True)
    assert event.raw == b"\x1b[200~abc\x1b[20"
    assert [type(e) for e in decoder.feed(b"\x1b[201~")] == [Unknown]


def keys(decoder: Decoder, data: bytes) -> list[str]:
    return [event.key for event in decoder.feed(data) if isinstance(event, Key)]


def pending_after(decoder: Decoder, data: bytes) -> str | None:
    decoder.feed(data)
    return decoder.pending


def test_control_sequence_above_the_limit_is_skipped() -> None:
    decoder = Decoder()
    (first,) = decoder.feed(b"\x1b[" + b"1" * 5000)
    assert isinstance(first, Unknown)
    assert decoder.feed(b"2" * 10) == []
    assert pending_after(decoder, b"2") == "seq"
    assert keys(decoder, b"\r") == ["enter"]
    decoder.feed(b"\x1b[" + b"1" * 5000)
    assert pending_after(decoder, b"\x1b") == "esc"
    assert keys(decoder, b"[A") == ["up"]


def test_string_above_the_limit_is_skipped() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b]" + b"x" * (1 << 21))
    assert decoder.feed(b"y\x1b") == []
    assert decoder.pending == "string"
    assert keys(decoder, b"\\q") == ["q"]
    decoder.feed(b"\x1b]" + b"x" * (1 << 21))
    assert keys(decoder, b"\x1b[A") == ["up"]


def test_flush_ends_skipping() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b]" + b"x" * (1 << 21) + b"\x1b")
    assert [event.name for event in decoder.flush()] == ["key"]
    assert decoder.pending is None
    assert keys(decoder, b"q") == ["q"]
