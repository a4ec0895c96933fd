"""Probes: what looks at the calls of handlers, and costs nothing where there is none.

- A probe puts a call of its own around the handler's, in the entry. So dispatch calls what
  the entry says, as ever, and asks nobody whether anything is to be measured.
- It is the handler's own call that is looked at: of a paced handler the one that comes
  later, not the noting of an event.
- Probes lie around each other, the first one innermost, and each may be taken away alone.
- All of it is the dispatch thread's, as entries are.
"""

import abc

from evdispatch._handlers._handler import Handler
from evdispatch._handlers._routes import Entry, Scope


class Probe(abc.ABC):
    """Looks at calls of handlers."""

    @abc.abstractmethod
    def around(self, entry: Entry, call: Handler, *, takes_event: bool) -> Handler:
        """Return what is to be called in the place of a call; it takes the event.

        It holds no entry: that holds it, and is to go without a collection.

        Args:
            entry: Whose call it is.
            call: The call.
            takes_event: Whether it takes the event, or nothing.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """The dispatcher is closed."""

    @abc.abstractmethod
    def abandon(self) -> None:
        """This is a forked child: what the probe holds is the parent's."""


class Probes:
    """The probes around the calls of all entries.

    Args:
        scope: Where the entries are, and below.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._probes: list[Probe] = []

    def add(self, probe: Probe) -> None:
        """Put a probe around all that is called from now on."""
        self._probes.append(probe)
        self._fit_all()

    def remove(self, probe: Probe) -> bool:
        """Take a probe away, and return whether it was there.

        A call that is under way has it to its end.
        """
        if probe not in self._probes:
            return False
        self._probes.remove(probe)
        self._fit_all()
        return True

    def close(self) -> None:
        """End all of them."""
        for probe in tuple(self._probes):
            probe.close()

    def abandon(self) -> None:
        """Give up in a forked child what is the parent's."""
        for probe in self._probes:
            probe.abandon()

    def _fit_all(self) -> None:
        for entry in self._scope.all_entries():
            self._fit(entry)

    def fit(self, entry: Entry) -> None:
        """Put the probes there are around the calls of a new entry."""
        if self._probes:
            self._fit(entry)

    def _fit(self, entry: Entry) -> None:
        if entry.bare is None:
            entry.bare = entry.called
        call, takes_event = entry.bare
        for probe in self._probes:
            call = probe.around(entry, call, takes_event=takes_event)
            takes_event = True
        entry.have_called(call, takes_event=takes_event)
