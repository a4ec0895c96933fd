"""``--explain``: what made each event, below its line and in the view."""

import pytest
from cli.commands import run
from cli.pictures import EVENTS, picture
from cli.sessions import session
from helpers.terminals import Pty

from evdispatch import Event, Key, Paste
from evdispatch.cli._lines import line, why, why_lines
from evdispatch.cli._state import State, layout
from evdispatch.terminal import Decoder

CTRL_A = b"\x1b[97;5u"


class TestLines:
    """In plain mode."""

    def test_explain_option_adds_indented_lines(self, io: str) -> None:
        data = b"a\x1b[A" + CTRL_A + b"\x1b[<0;5;3M\x1b[<0;5;3m\x1b[200~x\x1b[201~\xffq"
        plain = run("--io", io, data=data)
        explained = run("--io", io, "--explain", data=data)
        assert (explained.returncode, explained.stderr) == (0, b"")
        lines = explained.stdout.splitlines()
        ours = [each for each in lines if not each.startswith(b"    ")]
        assert ours == plain.stdout.splitlines()
        assert len(lines) == len(ours) * 6

    def test_kitty_key_explained_in_five_lines(self) -> None:
        assert run("--explain", data=CTRL_A).stdout.decode() == (
            "key ctrl+a\n"
            "    protocol kitty keyboard\n"
            "    mode     CSI > 1 u (disambiguate)\n"
            "    form     CSI code ; modifiers u\n"
            "    parts    97 = a, 5 = 1 + ctrl(4), "
            "xterm sends the same with formatOtherKeys 1\n"
            "    bytes    1b 5b 39 37 3b 35 75\n"
        )

    def test_tty_byte_by_byte_is_explained(self, io: str, pty: Pty) -> None:
        with session(pty, "--plain", "--explain", "--io", io) as user:
            pty.wait_for(b"\x1b[?2004h")
            for byte in CTRL_A:
                pty.type(bytes([byte]))
            pty.wait_for(b"    protocol kitty keyboard\r\n")
            pty.resize(90, 30)
            pty.wait_for(b"    protocol SIGWINCH\r\n")
            user.type("\x1b")
            pty.wait_for(b"    protocol lone escape\r\n")
            user.type("q")
            assert user.wait() == 0

    @pytest.mark.parametrize(("event", "_"), EVENTS, ids=[e for _, e in EVENTS])
    def test_explanation_of_any_event_is_printable(self, event: Event, _: str) -> None:
        for row in why_lines(event).splitlines():
            assert row.isprintable()
            assert row.startswith("    ")

    def test_explanation_of_hostile_text_is_escaped(self) -> None:
        (event,) = Decoder().feed("\u202e".encode())
        assert "\\u202e" in why(event)["parts"]

    def test_long_bytes_are_cut_in_the_explanation_alone(self) -> None:
        raw = b"\x1b[200~" + b"x" * 1000 + b"\x1b[201~"
        assert why_lines(Paste("x" * 1000, raw=raw)).endswith("78 ... (1012 bytes)\n")
        assert line(Paste("x", raw=raw)) == "paste 'x'"


class TestView:
    """On a full-screen terminal."""

    def rows(self, event: Event, columns: int = 80, rows: int = 24) -> list[str]:
        shown = State(io="inline", started=0.0, explain=True)
        shown.take(event, layout(columns, rows))
        return picture(shown, columns, rows)

    def test_detail_panel_shows_the_explanation(self) -> None:
        shown = self.rows(Key("up", frozenset({"ctrl"}), raw=b"\x1b[1;5A"))
        assert "by    xterm/PC-style  ·  always" in shown[8]
        assert "form  CSI 1 ; modifiers letter" in shown[9]
        assert "parts A = up, 5 = 1 + ctrl(4)" in shown[10]
        assert shown[11].lstrip().startswith("╰")

    @pytest.mark.parametrize(("columns", "rows"), [(56, 16), (80, 24), (300, 100)])
    def test_explanation_at_any_size_leaves_the_frame_whole(
        self, columns: int, rows: int
    ) -> None:
        event = Key("up", frozenset({"ctrl"}), raw=b"\x1b[1;5A")
        shown = self.rows(event, columns, rows)
        detail = layout(columns, rows).detail
        assert detail is not None
        bottom = shown[detail.y + detail.height - 1]
        assert set(bottom[detail.x : detail.x + detail.width]) == set("╰─╯")

    def test_view_on_a_terminal_shows_the_explanation(
        self, pty: Pty, xterm: None
    ) -> None:
        with session(pty, "--explain") as user:
            user.see("Press keys")
            user.type("\x1b[1;5A")
            user.see("by    xterm/PC-style", "parts A = up, 5 = 1 + ctrl(4)")
            user.type("q")
            assert user.wait() == 0
