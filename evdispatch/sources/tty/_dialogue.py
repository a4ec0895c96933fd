"""What a terminal is told and asked: text, its title, what it can do, where its cursor is.

What it can do is asked when it is taken for the first time; its modes grow with the
answers. It is asked once: what is behind a pty hardly changes while a program runs.
"""

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import attrs

from evdispatch._checks import FileLike, check_choice, check_timeout
from evdispatch._errors import StateError
from evdispatch._events import Event
from evdispatch.sources.tty._channel import Channel, Size
from evdispatch.sources.tty._source import TtySource
from evdispatch.sources.tty._tty import Tty
from evdispatch.terminal import (
    BEGIN_SYNCHRONIZED,
    END_SYNCHRONIZED,
    Answer,
    Decoder,
    Modes,
    Pointer,
    Regions,
    Resize,
)
from evdispatch.terminal._events import QueryName
from evdispatch.terminal._input import Input
from evdispatch.terminal._modes import set_title
from evdispatch.terminal._negotiation import Negotiation
from evdispatch.terminal._queries import QUERIES

_ANSWER_WITHIN = 2.0  # seconds; a satellite link takes less
_CUT_ESCAPE = 1.0  # seconds to wait where a lone escape byte can only be a cut sequence


class TtyDialogue(TtySource):
    """A terminal that answers.

    Args:
        fd: The descriptor. What is no terminal is neither told nor asked anything.
        negotiation: Finds out what the terminal can do.
        paste_limit: Bytes of a paste after which it comes in pieces.
        escape_timeout: Seconds to wait for what may follow an escape byte.
        guard: Whether a process beside ours is to restore it if ours is killed.
        name: A label for messages.

    Attributes:
        input: Makes events of the bytes, and knows what was asked.
        regions: The named rectangles.
        pointer: Where the mouse is among them.
    """

    def __init__(
        self,
        fd: FileLike,
        negotiation: Negotiation,
        *,
        paste_limit: int,
        escape_timeout: float,
        guard: bool,
        name: str | None,
    ) -> None:
        super().__init__(fd, negotiation.modes, guard=guard, name=name)
        self._negotiation = negotiation
        self._negotiated = negotiation.modes  # what is switched on of it
        self._make_decoder = functools.partial(Decoder, paste_limit=paste_limit)
        self._escape_timeout = escape_timeout
        self._asked = 0.0  # when the terminal was asked last
        self.regions = Regions(self.wake)
        self.pointer = Pointer(self.regions)
        self.input = Input(self._make_decoder(), escape_timeout, self.pointer)

    # -- for the user ----------------------------------------------------------------

    @property
    def is_tty(self) -> bool:
        """Whether it is a terminal, and not a pipe or a file. False until it is added."""
        return isinstance(self._tty, Tty)

    @property
    def size(self) -> Size:
        """The size in cells and pixels, asked of the tty.

        Raises:
            StateError: It is no tty.
        """
        return self._need_channel().size

    def write(self, data: str | bytes) -> None:
        """Write to the terminal; blocks until it has taken all. On the dispatch thread.

        Args:
            data: Bytes, or text that is sent as UTF-8.

        Raises:
            StateError: It is no tty.
            OSError: The terminal has gone.
        """
        self._need_channel().write(data.encode() if isinstance(data, str) else data)

    @property
    def keyboard(self) -> str:
        """What keys are told by: ``legacy``, ``modify_other_keys`` or ``kitty``.

        At first ``legacy``: what the terminal can do is known when it has answered.
        """
        if self._modes.keyboard:
            return "kitty"
        return "modify_other_keys" if self._modes.modify_other_keys else "legacy"

    def ask(self, query: QueryName, *, timeout: float = 1.0) -> None:
        """Ask the terminal; an `answer` event tells. From any thread.

        ``@app.on("answer", query="background")`` hears it. Its value is None if the
        terminal does not know the question, or has not answered in time.

        Args:
            query: ``cursor``, ``background``, ``foreground``, ``version``, ``device``.
            timeout: How long to wait, in seconds.

        Raises:
            ValueError: There is no such question.
            StateError: It is no tty, or not taken: the dispatcher does not run.
        """
        check_choice("query", query, get_args(QueryName))
        timeout = check_timeout(timeout)
        tty = self._need_channel()
        with self.host.lock:
            if not tty.entered:
                raise StateError(f"{self!r} is not taken: nobody would read the answer")
            until = self.host.now() + timeout
            then = functools.partial(_answer, query)
            self.input.queries.ask(QUERIES[query], until, then)
            self._follow(tty)
            self._set_timer()

    def set_title(self, title: str) -> None:
        """Set the window's title, until the terminal is given back. On any thread.

        Raises:
            StateError: It is no tty.
            TimeoutError: A connection takes nothing now.
        """
        tty = self._need_channel()
        with self.host.lock:
            first = self._modes.title is None
            self._modes = attrs.evolve(self._modes, title=title)
            if not first:  # the one from before us is kept already
                tty.tell(set_title(title) if tty.entered else b"")
                tty.adopt(self._modes)
            tty.change(self._modes)

    @contextlib.contextmanager
    def synchronized(self) -> Iterator[None]:
        """Have what is written in a ``with`` block shown at once. On the dispatch thread.

        Raises:
            StateError: It is no tty.
        """
        self.write(BEGIN_SYNCHRONIZED)
        try:
            yield
        finally:
            self.write(END_SYNCHRONIZED)

    # -- for subclasses -----------------------------------------------------------------

    def told(self, events: list[Event]) -> list[Event]:
        """Act on what the terminal says of itself, and set the timer for the rest."""
        tty = self._tty
        if tty is not None:
            self._follow(tty)
            if self._modes.resize:
                events = [event for event in events if not self._is_old(event)]
        self._set_timer()
        return events

    def on_add(self) -> None:
        """Learn what the tty knows of its keys."""
        super().on_add()
        if self._tty is not None:
            term = os.environ.get("TERM")
            decoder = self._make_decoder(erase=self._tty.erase, term=term)
            self.input = Input(decoder, self._escape_timeout, self.pointer)

    def on_taken(self) -> None:
        """Find out what the terminal can do, unless that is known."""
        queries = self.input.queries
        queries.forget()  # what it has answered meanwhile was for the shell
        if not self._negotiation.finished and self._tty is not None:
            self._negotiation.ask(queries, self.host.now() + _ANSWER_WITHIN)
            self._follow(self._tty)
        self._set_timer()

    def on_wake(self) -> Iterable[Event]:
        """See what a signal has asked for; a new size may be one of the cells."""
        for event in super().on_wake():
            if isinstance(event, Resize):
                self._measure(_size_of(event))
            yield event

    @property
    def awaited(self) -> int | None:
        """See `TtySource.awaited`."""
        queries, host = self.input.queries, self.registration.host
        if not queries.answered:  # it may still be about to
            late = host is None or host.now() - self._asked >= _ANSWER_WITHIN
            if late or not queries.fences:
                return None
        return queries.fences

    def _follow(self, tty: Channel) -> None:
        """Have the modes that are known by now, and write what is to be asked."""
        with contextlib.suppress(OSError):  # it has gone: reading will tell
            modes = self._negotiation.modes
            if modes is not self._negotiated:
                self._negotiated = modes
                self._change(tty, attrs.evolve(modes, title=self._modes.title))
            request = self.input.take_request()
            if request:
                self._asked = self.host.now()
                tty.tell(request)

    def _change(self, tty: Channel, modes: Modes) -> None:
        size = tty.size
        if modes.pixels and not size.width_px:  # it would be nobody knows which cell
            modes = attrs.evolve(modes, pixels=False)
        self._modes = modes
        if self._negotiation.kitty:
            self.input.escape_timeout = max(_CUT_ESCAPE, self._escape_timeout)
        self._measure(size)
        tty.change(modes)

    def _measure(self, size: Size) -> None:
        """Tell the input how large a cell is."""
        if self._modes.pixels and size.width_px and size.height_px:
            cell = size.width_px / size.columns, size.height_px / size.rows
            self.input.cell = cell

    def _set_timer(self) -> None:
        until = self.input.until
        if until is not None or self.registration.deadline is not None:
            self.set_deadline(until)

    def _is_old(self, event: Event) -> bool:
        """Take note of a size; whether it was known."""
        if not isinstance(event, Resize):
            return False
        known, self._size = self._size, _size_of(event)
        self._measure(self._size)
        if known is None:
            return False
        # The tty may have known the cells alone: pixels beside them are no new size.
        same_pixels = known[2:] in ((0, 0), self._size[2:])
        return known[:2] == self._size[:2] and same_pixels


def _size_of(event: Resize) -> Size:
    return Size(event.columns, event.rows, event.width_px, event.height_px)


def _answer(query: str, value: Any, raw: bytes) -> list[Event]:
    return [Answer(query, value, raw)]
