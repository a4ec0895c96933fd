"""Probes: what looks at the calls of handlers, and costs nothing where there is none.

- A probe puts a call of its own around the handler's, in the subscription. So dispatch calls what
  the subscription says, as ever, and asks nobody whether anything is to be measured.
- It is the handler's own call that is looked at: of a paced handler the one that comes
  later, not the noting of an event.
- Probes lie around each other, the first one innermost, and each may be taken away alone.
- All of it is the dispatch thread's, as subscriptions are.
"""

import abc

from evdispatch._handlers._handler import Handler
from evdispatch._handlers._routes import Scope, Subscription


class Probe(abc.ABC):
    """Looks at calls of handlers."""

    @abc.abstractmethod
    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return what is to be called in the place of a call; it takes the event.

        It holds no subscription: that holds it, and is to go without a collection.

        Args:
            subscription: Whose call it is.
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
    """The probes around the calls of all subscriptions.

    Args:
        scope: Where the subscriptions are, and below.
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
        for subscription in self._scope.all_subscriptions():
            self._fit(subscription)

    def fit(self, subscription: Subscription) -> None:
        """Put the probes there are around the calls of a new subscription."""
        if self._probes:
            self._fit(subscription)

    def _fit(self, subscription: Subscription) -> None:
        if subscription.bare is None:
            subscription.bare = subscription.called
        call, takes_event = subscription.bare
        for probe in self._probes:
            call = probe.around(subscription, call, takes_event=takes_event)
            takes_event = True
        subscription.set_called(call, takes_event=takes_event)
