"""The command line."""

import os
import tempfile
from contextlib import redirect_stdout
from io import StringIO

import pytest

from evdispatch import __version__
from evdispatch.cli import main


class TestArguments:
    """The command line."""

    def test_version_option_prints_the_version(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="0"):
            main(["--version"])
        assert capsys.readouterr().out == f"evdispatch {__version__}\n"

    @pytest.mark.parametrize(
        "arguments", [[], ["nonsense"], ["keys", "--io", "x"], ["keys", "--mouse", "x"]]
    )
    def test_wrong_arguments_exit_with_2(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        assert "usage: evdispatch" in capsys.readouterr().err

    def test_stdout_without_descriptor_gets_the_lines(self) -> None:
        """In a notebook, say: the lines go where `sys.stdout` goes."""
        with tempfile.TemporaryFile() as file, redirect_stdout(StringIO()) as output:
            file.write(b"ab")
            file.seek(0)
            saved = os.dup(0)
            os.dup2(file.fileno(), 0)
            try:
                assert main(["keys"]) == 0
            finally:
                os.dup2(saved, 0)
                os.close(saved)
        assert output.getvalue() == "key a\nkey b\n"

    def test_keys_help_names_its_keys_and_options(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="0"):
            main(["keys", "--help"])
        text = capsys.readouterr().out
        assert "ctrl+c" in text
        assert "--plain" in text
