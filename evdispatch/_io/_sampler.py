"""The stack of a handler that is slow, taken by another thread while it runs.

- The dispatch thread says which call is under way (`_meter`); a thread that looks on
  (`_lookout`) asks whether it takes too long. Neither waits for the other.
- Who looks on is told how long it may wait: no call that begins meanwhile is slow sooner
  than that. One that was sampled is over without notice, so its end ends the wait: who
  samples notes it and *then* looks whether the call goes on; who ends a call says so and
  *then* looks for a sample.
- It knows no handlers: a thread that looks on keeps none of them alive.
"""

import sys
from collections.abc import Callable
from traceback import FrameSummary, StackSummary
from types import CodeType, FrameType
from typing import NamedTuple

_LONGEST = 3600.0  # seconds of a wait: locks and pollers overflow on much longer ones

Call = tuple[float, int]
"""A call that is under way: when it began, and on which thread. Each is an object."""


def is_ours(frame: FrameType) -> bool:
    """Whether the code is of this package; its command is a program like others."""
    package, _, rest = str(frame.f_globals.get("__name__")).partition(".")
    return package == "evdispatch" and not rest.startswith("cli")


class Place(NamedTuple):
    """A line that is being run."""

    file: str
    line: int
    name: str
    ours: bool


class Sampler:
    """Samples the stack of the call that is under way, once it is slow.

    Args:
        slow: From how many seconds on.
        now: The clock.
        code: Of the function that makes the calls; each is its local variable ``call``.

    Attributes:
        call: What is under way; the dispatch thread sets it.
        nudge: Ends the wait of who looks on.
    """

    def __init__(self, slow: float, now: Callable[[], float], code: CodeType) -> None:
        self.slow = slow
        self.call: Call | None = None
        self.nudge: Callable[[], None] = _nobody
        self._now = now
        self._code = code
        self._sampled: tuple[Call | None, str] = (None, "")

    def abandon(self) -> None:
        """Nudge nobody any more: in a forked child, what that touches is the parent's."""
        self.nudge = _nobody

    def stack_of(self, call: Call) -> str:
        """Return the stack of a call that has ended, if it was sampled; dispatch thread."""
        sampled, stack = self._sampled
        if sampled is not call:
            return ""
        self.nudge()
        return stack

    def look(self) -> float | None:
        """Sample what is under way, if it is slow; on the thread that looks on.

        Returns:
            How long to wait for the next look, in seconds; None: until nudged.
        """
        call = self.call
        if call is None:
            return min(self.slow, _LONGEST)
        if self._sampled[0] is call:
            return None
        left = call[0] + self.slow - self._now()
        if left > 0:
            return min(left, _LONGEST)
        self._sampled = call, self._stack(call)
        return None if self.call is call else 0  # after saying so: see above

    def _stack(self, call: Call) -> str:
        """Return the stack below what makes the call, as a traceback has it."""
        found = self._walk(call)
        if self.call is not call:
            return ""  # it has just ended
        while found and found[-1].ours:
            found.pop()
        found.reverse()
        try:
            lines = [FrameSummary(each.file, each.line, each.name) for each in found]
            return "".join(StackSummary.from_list(lines).format())
        except ValueError:  # code that was compiled with a name that no file can have
            return "".join(
                f"  {each.file!r}:{each.line}: {each.name}\n" for each in found
            )

    def _walk(self, call: Call) -> list["Place"]:
        """Return where the call is, innermost first.

        The frames are let go of at once: whoever has the last reference to one destroys
        the handler's variables, which may belong to its thread.
        """
        frame = sys._current_frames().get(call[1])  # noqa: SLF001
        found = []
        while frame is not None and not self._makes(frame, call):
            code = frame.f_code
            place = code.co_filename, frame.f_lineno, code.co_name, is_ours(frame)
            found.append(Place(*place))
            frame = frame.f_back
        return [] if frame is None else found

    def _makes(self, frame: FrameType, call: Call) -> bool:
        return frame.f_code is self._code and frame.f_locals.get("call") is call


def _nobody() -> None:
    """Nudge nobody."""
