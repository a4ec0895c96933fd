"""Whole programs: the terminal is restored however they end or stop."""

import os
import signal
import textwrap

import pytest
from helpers.terminals import OFF, ON, WHO, Pty, program
from helpers.waiting import PATIENCE


class TestPrograms:
    """Whole programs, with the pty as their controlling terminal."""

    PROGRAM = """
        import os, signal, sys
        from evdispatch import Dispatcher, Terminal
        app = Dispatcher(io={io!r})
        terminal = app.add(Terminal())
        def show(event):
            terminal.write(event.name + ";")
        for name in ("start", "suspend", "resume"):
            app.on(name)(show)
        {more}
        app.run()
        print("ended")
    """

    def test_terminal_on_sigterm_is_restored_and_the_program_killed(
        self, io: str, pty: Pty
    ) -> None:
        before = pty.attributes()
        with program(pty, self.PROGRAM.format(io=io, more="")) as child:
            pty.wait_for(b"start;")
            assert pty.attributes() != before
            child.send_signal(signal.SIGTERM)
            assert child.wait(PATIENCE) == -signal.SIGTERM
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
    def test_terminal_on_other_deadly_signals_is_restored(
        self, io: str, pty: Pty, signum: signal.Signals
    ) -> None:
        before = pty.attributes()
        with program(pty, self.PROGRAM.format(io=io, more="")) as child:
            pty.wait_for(b"start;")
            child.send_signal(signum)
            assert child.wait(PATIENCE) != 0
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    def test_terminal_on_sys_exit_in_a_handler_is_restored(
        self, io: str, pty: Pty
    ) -> None:
        before = pty.attributes()
        more = "app.on('key', key='q')(lambda: sys.exit(3))"
        with program(pty, self.PROGRAM.format(io=io, more=more)) as child:
            pty.wait_for(b"start;")
            pty.type(b"q")
            assert child.wait(PATIENCE) == 3
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    def test_terminal_of_a_background_run_is_restored_at_exit(
        self, io: str, pty: Pty
    ) -> None:
        before = pty.attributes()
        source = self.PROGRAM.format(io=io, more="").replace(
            "app.run()", "app.start(); pause = os.read(0, 0); input()"
        )
        source = source.replace("input()", "signal.sigwait([signal.SIGUSR1])").replace(
            "import os",
            "import signal; signal.pthread_sigmask(0, [signal.SIGUSR1]); import os",
        )
        with program(pty, source) as child:
            pty.wait_for(b"start;")
            child.send_signal(signal.SIGUSR1)
            assert child.wait(PATIENCE) == 0
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    @pytest.mark.parametrize(
        "failure",
        ["1 / 0", "app._registrations.by_fd = None; os.write(1, b'failing;')"],
        ids=["handler", "io"],
    )
    def test_terminal_of_a_background_run_that_fails_is_restored_at_once(
        self, io: str, pty: Pty, failure: str
    ) -> None:
        """Before `failure` is read or `close` raises."""
        before = pty.attributes()
        source = f"""
            import os, signal
            from evdispatch import Dispatcher, Terminal
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            app = Dispatcher(io={io!r})
            app.add(Terminal())
            app.on("start")(lambda: os.write(1, b"start;"))
            @app.on("key", key="x")
            def fail():
                {failure}
            app.start()
            signal.sigwait([signal.SIGUSR1])
            app.close()
        """
        with program(pty, source) as child:
            pty.wait_for(b"start;")
            pty.type(b"x")
            if "by_fd" in failure:
                pty.wait_for(b"failing;")
                pty.type(b"y")  # the IO side fails at the next readiness
            pty.wait_for(OFF)
            while pty.attributes() != before:  # the run has a timeout
                pass
            child.send_signal(signal.SIGUSR1)
            assert child.wait(PATIENCE) == 1  # close has raised

    def test_running_background_job_brought_forward_takes_the_terminal(
        self, io: str, pty: Pty
    ) -> None:
        """`bg` and then `fg` in a shell: no SIGCONT comes to a job that runs."""
        source = f"""
            import os, signal, subprocess
            from evdispatch import Dispatcher, Terminal
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            other = subprocess.Popen(["sleep", "300"], process_group=0)
            os.tcsetpgrp(0, other.pid)
            app = Dispatcher(io={io!r})
            app.add(Terminal())
            app.on("start")(lambda: os.tcsetpgrp(0, os.getpgrp()))
            app.on("resume")(app.stop)
            app.run()
            app.close()
            other.kill(); other.wait()
        """
        with program(pty, source) as child:
            assert child.wait(PATIENCE) == 0

    def test_key_typed_for_a_child_job_does_not_stop_the_program(
        self, io: str, pty: Pty
    ) -> None:
        """A handler may start a shell, which makes itself the foreground job."""
        source = f"""
            import os, signal, subprocess
            from evdispatch import Dispatcher, Terminal
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            app = Dispatcher(io={io!r})
            app.add(Terminal())
            def give_away():
                global child
                child = subprocess.Popen(["sleep", "300"], process_group=0)
                os.tcsetpgrp(0, child.pid)
                os.write(1, b"given;")
                app.after(0.1, take_back)
            def take_back():
                os.tcsetpgrp(0, os.getpgrp())
            app.on("key", key="g")(give_away)
            app.on("key", key="x")(app.stop)
            app.on("hangup")(lambda: os._exit(1))
            app.on("start")(lambda: os.write(1, b"start;"))
            app.run()
            app.close()
            child.kill(); child.wait()
        """
        with program(pty, source) as child:
            pty.wait_for(b"start;")
            pty.type(b"g")
            pty.wait_for(b"given;")
            pty.type(b"x")
            assert child.wait(PATIENCE) == 0, child.stderr and child.stderr.read()

    def test_ctrl_z_without_a_shell_suspends_and_resumes_at_once(
        self, io: str, pty: Pty
    ) -> None:
        """The group of a session leader is orphaned: the kernel drops SIGTSTP."""
        more = "app.on('key', key='q')(app.stop)"
        with program(pty, self.PROGRAM.format(io=io, more=more)) as child:
            pty.wait_for(b"start;")
            pty.type(b"\x1a")
            pty.wait_for(b"suspend;" + OFF + ON + b"resume;")
            pty.type(b"q")
            assert child.wait(PATIENCE) == 0
        assert pty.wait_for(b"ended")

    def test_program_that_is_continued_takes_the_terminal_again(
        self, io: str, pty: Pty
    ) -> None:
        before = pty.attributes()
        more = "app.on('key', key='q')(app.stop)"
        with program(pty, self.PROGRAM.format(io=io, more=more)) as child:
            pty.wait_for(b"start;")
            os.kill(child.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, child.pid, os.WSTOPPED)
            os.kill(child.pid, signal.SIGCONT)
            # What the shell has left of the modes is not known: off, and on again.
            off = OFF.removesuffix(WHO)
            pty.wait_for(ON + b"start;" + off + ON + b"resume;")
            pty.type(b"q")
            assert child.wait(PATIENCE) == 0
        assert pty.attributes() == before

    def test_background_job_takes_the_terminal_on_sigcont_in_the_foreground(
        self, io: str, pty: Pty
    ) -> None:
        source = f"""
            import os, signal, subprocess, sys, termios
            from evdispatch import Dispatcher, Terminal
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            other = subprocess.Popen(["sleep", "300"], process_group=0)
            os.tcsetpgrp(0, other.pid)
            before = termios.tcgetattr(0)
            app = Dispatcher(io={io!r})
            terminal = app.add(Terminal())
            app.step(0)
            assert termios.tcgetattr(0) == before, "took a terminal of another job"
            os.tcsetpgrp(0, os.getpgrp())
            os.kill(os.getpid(), signal.SIGCONT)
            app.on("resume")(lambda: print("taken", flush=True))
            app.on("key", key="q")(app.stop)
            app.run()
            app.close()
            other.kill(); other.wait()
        """
        with program(pty, source) as child:
            pty.wait_for(b"taken")
            pty.type(b"q")
            assert child.wait(PATIENCE) == 0, child.stderr and child.stderr.read()

    def test_terminal_on_sigtstp_is_restored_and_taken_again_by_fg(
        self, io: str, pty: Pty
    ) -> None:
        """SIGTSTP by ``kill``: the shell finds its terminal as it was."""
        before = pty.attributes()
        more = """
        app.on('key', key='s')(lambda: os.kill(os.getpid(), signal.SIGTSTP))
        app.on('key', key='q')(app.stop)
        """
        job = textwrap.dedent(self.PROGRAM).format(io=io, more=textwrap.dedent(more))
        shell = f"""
            import os, signal, subprocess, sys, termios
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            before = termios.tcgetattr(0)
            job = subprocess.Popen([sys.executable, "-c", {job!r}], process_group=0)
            os.tcsetpgrp(0, job.pid)
            _, status = os.waitpid(job.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), status
            assert termios.tcgetattr(0) == before
            os.tcsetpgrp(0, os.getpgrp())
            os.write(1, b"stopped;")
            os.tcsetpgrp(0, job.pid)
            os.kill(-job.pid, signal.SIGCONT)
            sys.exit(job.wait())
        """
        with program(pty, shell) as child:
            pty.wait_for(ON)
            pty.type(b"s")
            pty.wait_for(OFF + b"stopped;" + ON + b"resume;")
            pty.type(b"q")
            assert child.wait(PATIENCE) == 0
        assert pty.attributes() == before
        assert pty.wait_for(b"ended")
