"""`Terminal.released`: a child has the terminal during a ``with`` block."""

import os
import signal

import pytest
from helpers.terminals import MODES_ON, OFF, ON, Keyboard, Pty, program
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Key, Resume, StateError, Terminal
from evdispatch.testing import record, run_until, settle

PROGRAM = """
    import os, signal, subprocess, sys
    from evdispatch import Dispatcher, Terminal
    app = Dispatcher(io={io!r})
    terminal = app.add(Terminal())
    def show(event):
        terminal.write(event.combo + ";" if event.name == "key" else event.name + ";")
    for name in ("start", "resume", "key"):
        app.on(name)(show)
    app.on("key", key="q")(app.stop)
    @app.on("key", key="e")
    def edit():
        with terminal.released():
            child = subprocess.run([sys.executable, "-c", {child!r}])
        terminal.write("child %d;" % child.returncode)
    app.run()
    print("ended")
"""


def wait_until_taken_again(pty: Pty, written: bytes) -> None:
    """Wait for what a handler writes, and for `resume`; either may come first."""
    pty.wait_for(written)
    output = pty.wait_for(b"resume;")
    assert output.count(MODES_ON) == 2  # a handler may write before the question


def test_child_in_the_block_has_the_terminal_as_it_was(io: str, pty: Pty) -> None:
    before = pty.attributes()
    child = "print('ready', flush=True); print('<' + input() + '>', flush=True)"
    with program(pty, PROGRAM.format(io=io, child=child)) as process:
        pty.wait_for(ON + b"start;")
        pty.type(b"e")
        pty.wait_for(b"e;" + OFF + b"ready")
        pty.type(b"a line\r")
        pty.wait_for(b"<a line>\r\n")
        wait_until_taken_again(pty, b"child 0;")
        pty.type(b"x\x1b[A")
        pty.wait_for(b"x;up;")
        pty.type(b"q")
        assert process.wait(PATIENCE) == 0
    pty.wait_for(b"ended")
    assert pty.attributes() == before


def test_child_that_leaves_the_tty_raw_does_not_change_what_is_restored(
    io: str, pty: Pty
) -> None:
    before = pty.attributes()
    child = "import tty; tty.setraw(0)"
    with program(pty, PROGRAM.format(io=io, child=child)) as process:
        pty.wait_for(b"start;")
        pty.type(b"e")
        wait_until_taken_again(pty, b"child 0;")
        pty.type(b"q")
        assert process.wait(PATIENCE) == 0
    assert pty.attributes() == before


@pytest.mark.parametrize(
    ("key", "signum"), [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)]
)
def test_ctrl_c_in_the_block_ends_the_child_only(
    io: str, pty: Pty, key: bytes, signum: signal.Signals
) -> None:
    child = """
import resource, signal, time
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("sleeping", flush=True)
time.sleep(300)
"""
    with program(pty, PROGRAM.format(io=io, child=child)) as process:
        pty.wait_for(b"start;")
        pty.type(b"e")
        pty.wait_for(b"sleeping")
        pty.type(key)
        wait_until_taken_again(pty, b"child -%d;" % signum)
        pty.type(b"q")
        assert process.wait(PATIENCE) == 0


def test_input_typed_in_the_block_is_left_to_the_child(
    app: Dispatcher, pty: Pty
) -> None:
    user = Keyboard(app, pty)
    keys, resumes = record(app, Key), record(app, Resume)
    with user.terminal.released():
        pty.type(b"mine\r")
        pty.wait_until_readable()
        assert os.read(pty.slave, 100) == b"mine\n"
    run_until(app, lambda: resumes)
    settle(app)
    assert not keys
    user.type(b"x")
    assert [key.key for key in keys] == ["x"]


def test_released_on_a_pipe_raises(app: Dispatcher) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as file, os.fdopen(writer):
        terminal = app.add(Terminal(file))
        with pytest.raises(StateError, match="not a tty"), terminal.released():
            pass
        terminal.close()


def test_released_blocks_that_are_nested_resume_once(app: Dispatcher, pty: Pty) -> None:
    terminal = Keyboard(app, pty).terminal
    resumes = record(app, Resume)
    with terminal.released():
        with terminal.released():
            pass
        settle(app)
        assert not resumes
    run_until(app, lambda: resumes)
    settle(app)
    assert len(resumes) == 1


def test_exception_in_the_block_takes_the_terminal_again(
    app: Dispatcher, pty: Pty
) -> None:
    terminal = Keyboard(app, pty).terminal
    resumes = record(app, Resume)
    before = signal.getsignal(signal.SIGINT)

    def fail() -> None:
        with terminal.released():
            assert signal.getsignal(signal.SIGINT) is not before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert signal.getsignal(signal.SIGINT) is before
    run_until(app, lambda: resumes)


def test_terminal_closed_in_the_block_stays_restored(app: Dispatcher, pty: Pty) -> None:
    before = pty.attributes()
    terminal = app.add(Terminal(pty.slave))
    app.step(0)
    with terminal.released():
        terminal.close()
    settle(app)
    assert pty.attributes() == before


def test_terminal_that_has_gone_is_not_confused_with_the_next_of_its_name(
    app: Dispatcher, fds: list[int]
) -> None:
    """The kernel gives the number of a pty to the next one at once."""
    gone = Pty()
    born = os.fstat(gone.slave).st_ctime_ns
    app.add(Terminal(gone.slave))
    app.step(0)
    gone.close()
    # Ours are other numbers: it can only be found by its name.
    fds += [os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC) for _ in range(4)]
    other = Pty()
    while os.fstat(other.slave).st_ctime_ns == born:  # its clock ticks each 4 ms or so
        other.close()
        other = Pty()
    fds += [other.master, other.slave]
    before = other.attributes()
    other.type(b"typed\n")
    other.wait_until_readable()
    app.close()
    assert other.attributes() == before
    assert other.read() == b"typed\r\n"  # echoed, and nothing else
    assert os.read(other.slave, 100) == b"typed\n"
