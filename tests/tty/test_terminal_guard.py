"""The guard process restores the terminal of a program that can not do so itself."""

import os
import signal
from pathlib import Path

import pytest
from helpers.terminals import OFF, ON, WHO, Pty, program
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Terminal

PROGRAM = """
    import ctypes, os, signal, sys
    from evdispatch import Dispatcher, Terminal
    app = Dispatcher(io={io!r})
    terminal = app.add(Terminal(guard=True, alternate_screen=True))
    app.on("start")(lambda: terminal.write("started;"))
    app.on("key", key="q")(app.stop)
    app.on("key", key="c")(lambda: ctypes.string_at(0))
    app.on("key", key="f")(lambda: os.fork() or signal.pause())
    app.run()
    app.close()
    print("ended")
"""
RESTORED = OFF.removesuffix(WHO) + b"\x1b[?1049l"


def children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8")
    return [int(pid) for pid in listed.split()]


def test_terminal_of_a_killed_program_is_restored(io: str, pty: Pty) -> None:
    before = pty.attributes()
    with program(pty, PROGRAM.format(io=io)) as child:
        pty.wait_for(b"started;")
        assert pty.attributes() != before
        child.kill()
        pty.wait_for(RESTORED)
        wait_for_attributes(pty, before)


def test_terminal_of_a_crashed_program_is_restored(io: str, pty: Pty) -> None:
    before = pty.attributes()
    with program(pty, PROGRAM.format(io=io)) as child:
        pty.wait_for(b"started;")
        pty.type(b"c")
        assert child.wait(PATIENCE) == -signal.SIGSEGV
        pty.wait_for(RESTORED)
        wait_for_attributes(pty, before)


def test_terminal_of_a_killed_program_is_restored_although_its_fork_lives(
    io: str, pty: Pty
) -> None:
    before = pty.attributes()
    with program(pty, PROGRAM.format(io=io)) as child:
        pty.wait_for(b"started;")
        (guard,) = children(child.pid)
        pty.type(b"f")
        while len(forks := set(children(child.pid)) - {guard}) < 1:
            pass
        child.kill()
        pty.wait_for(RESTORED)
        wait_for_attributes(pty, before)
        os.kill(forks.pop(), signal.SIGKILL)


def test_terminal_of_a_program_that_ends_is_restored_once(io: str, pty: Pty) -> None:
    with program(pty, PROGRAM.format(io=io)) as child:
        pty.wait_for(b"started;")
        pty.type(b"q")
        assert child.wait(PATIENCE) == 0
    assert pty.wait_for(b"ended").count(b"\x1b[?1049l") == 1


def test_terminal_settings_that_a_shell_has_set_are_not_restored(
    io: str, pty: Pty
) -> None:
    """The shell may be quicker than the guard."""
    with program(pty, PROGRAM.format(io=io)) as child:
        pty.wait_for(b"started;")
        other = pty.attributes()
        other[6][0] = b"\x07"
        (guard,) = children(child.pid)
        os.kill(guard, signal.SIGSTOP)
        child.kill()
        child.wait()
        pty.set(other)
        os.kill(guard, signal.SIGCONT)
        pty.wait_for(RESTORED)
        while Path(f"/proc/{guard}").exists() and not is_zombie(guard):
            pass
    assert pty.attributes() == other


def is_zombie(process: int) -> bool:
    return ") Z" in Path(f"/proc/{process}/stat").read_text("utf-8")


def wait_for_attributes(pty: Pty, expected: list[object]) -> None:
    while pty.attributes() != expected:  # the run has a timeout
        pass


def test_guard_process_when_the_terminal_is_closed_ends(
    app: Dispatcher, pty: Pty
) -> None:
    terminal = app.add(Terminal(pty.slave, guard=True))
    app.step()
    (guard,) = children(os.getpid())
    terminal.close()
    assert children(os.getpid()) == []
    assert not Path(f"/proc/{guard}").exists()
    assert ON in pty.read()


def test_guard_process_that_was_killed_leaves_close_working(
    app: Dispatcher, pty: Pty
) -> None:
    before = pty.attributes()
    terminal = app.add(Terminal(pty.slave, guard=True))
    app.step()
    (guard,) = children(os.getpid())
    os.kill(guard, signal.SIGKILL)
    os.waitid(os.P_PID, guard, os.WEXITED | os.WNOWAIT)
    terminal.close()
    assert pty.attributes() == before


def test_guard_process_that_can_not_be_started_makes_add_raise(
    app: Dispatcher, pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere")
    with pytest.raises(FileNotFoundError):
        app.add(Terminal(pty.slave, guard=True))
    assert app.sources == ()
    monkeypatch.undo()
    app.add(Terminal(pty.slave))
