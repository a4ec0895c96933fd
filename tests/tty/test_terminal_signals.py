"""Signals of a terminal beside a fork, nohup, and handlers of the program's own."""

import signal

import pytest
from helpers.terminals import OFF, ON, Pty, program
from helpers.waiting import PATIENCE

PROGRAM = """
    import os, signal, sys, termios
    {before}
    from evdispatch import Dispatcher, Terminal
    cooked = termios.tcgetattr(0)
    app = Dispatcher(io={io!r})
    terminal = app.add(Terminal())
    @app.on("start")
    def started():
        {started}
        os.write(1, b"started;")
    app.on("key", key="q")(app.stop)
    app.run()
    app.close()
    {after}
    os.write(1, b"ended;")
"""


def source(io: str, started: str = "", before: str = "", after: str = "") -> str:
    return PROGRAM.format(io=io, started=started or "pass", before=before, after=after)


def test_forked_child_has_the_signal_handlers_of_before(io: str, pty: Pty) -> None:
    started = (
        "child = os.fork()\n"
        "        if not child:\n"
        "            defaults = [signal.getsignal(s) for s in (15, 1, 20, 28, 18)]\n"
        "            [os.kill(os.getpid(), s) for s in (28, 18)]\n"
        "            os._exit(0 if set(defaults) == {signal.SIG_DFL} else 1)\n"
        "        assert os.waitpid(child, 0)[1] == 0"
    )
    before = pty.attributes()
    with program(pty, source(io, started)) as child:
        pty.wait_for(b"started;")
        assert pty.attributes() != before  # the child has not restored it
        pty.type(b"q")
        assert child.wait(PATIENCE) == 0, child.stderr and child.stderr.read()


@pytest.mark.parametrize(
    "signum", [signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGTSTP]
)
def test_ignored_signal_stays_ignored(io: str, pty: Pty, signum: int) -> None:
    """As after nohup."""
    before = f"signal.signal({int(signum)}, signal.SIG_IGN)"
    started = (
        f"os.kill(os.getpid(), {int(signum)})\n"
        f"        assert signal.getsignal({int(signum)}) == signal.SIG_IGN"
    )
    with program(pty, source(io, started, before)) as child:
        pty.wait_for(b"started;")
        pty.type(b"q")
        pty.wait_for(b"ended;")
        assert child.wait(PATIENCE) == 0


def test_handler_of_sigtstp_is_called_with_the_terminal_restored(
    io: str, pty: Pty
) -> None:
    before = (
        "seen = []\n"
        "    signal.signal(20, lambda *_: seen.append(termios.tcgetattr(0) == cooked))"
    )
    started = "os.kill(os.getpid(), 20)"
    after = "assert seen == [True], seen"
    with program(pty, source(io, started, before, after)) as child:
        pty.wait_for(ON + OFF)
        pty.wait_for(b"started;")
        pty.type(b"q")
        pty.wait_for(b"ended;")
        assert child.wait(PATIENCE) == 0
