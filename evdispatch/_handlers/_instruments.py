"""Instruments: they observe the calls of handlers and the turns of sources.

Without one nothing asks for any. The calls are wrapped in the subscription, so dispatch calls what
the subscription says, as ever; the IO loop looks once a poll whether turns are observed. The call
that is wrapped is the handler's own: of a throttled handler the later one. The first instrument
is the innermost. Subscriptions change on the dispatch thread alone, and so do instruments.
"""

from typing import Any

from evdispatch._handlers._handler import Handler
from evdispatch._handlers._routes import Scope, Subscription


class Instrument:
    """Observes a dispatcher; override what is of interest.

    Attributes:
        observes_turns: Whether `before_turn` and `after_turn` are to be called.
    """

    observes_turns = False

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return what is called in the place of a handler; it takes the event.

        Must not reference the subscription: that would create a reference cycle.

        Args:
            subscription: Whose call it is.
            call: The call.
            takes_event: Whether it takes the event, or nothing.
        """
        raise NotImplementedError

    def before_turn(self, source: Any) -> None:
        """A source is about to be asked for events; IO side, under its lock."""

    def after_turn(self, source: Any) -> None:
        """A source was asked; IO side, under its lock."""

    def end_run(self) -> None:
        """A run has ended: end the threads that it needed."""

    def close(self) -> None:
        """The dispatcher is closed."""

    def abandon(self) -> None:
        """This is a forked child: what the instrument holds is the parent's."""


class Instruments:
    """The instruments of a dispatcher.

    Args:
        scope: The scope of all subscriptions.

    Attributes:
        of_turns: Those that observe the turns of sources.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._all: list[Instrument] = []
        self.of_turns: tuple[Instrument, ...] = ()

    def add(self, instrument: Instrument) -> None:
        """Observe all that is called from now on."""
        self._set([*self._all, instrument])

    def remove(self, instrument: Instrument) -> bool:
        """Take an instrument away, and return whether it was there.

        A call that is under way is observed to its end.
        """
        if instrument not in self._all:
            return False
        self._set([each for each in self._all if each is not instrument])
        return True

    def _set(self, instruments: list[Instrument]) -> None:
        self._all = instruments
        self.of_turns = tuple(each for each in instruments if each.observes_turns)
        for subscription in self._scope.all_subscriptions():
            self._fit(subscription)

    def fit(self, subscription: Subscription) -> None:
        """Put the instruments there are around the calls of a new subscription."""
        if self._all:
            self._fit(subscription)

    def _fit(self, subscription: Subscription) -> None:
        if subscription.bare is None:
            subscription.bare = subscription.called
        call, takes_event = subscription.bare
        for instrument in self._all:
            call = instrument.around(subscription, call, takes_event=takes_event)
            takes_event = True
        subscription.set_called(call, takes_event=takes_event)

    def end_run(self) -> None:
        """End the threads of a run."""
        for instrument in self._all:
            instrument.end_run()

    def close(self) -> None:
        """End all of them."""
        for instrument in self._all:
            instrument.close()

    def abandon(self) -> None:
        """Give up in a forked child what is the parent's."""
        for instrument in self._all:
            instrument.abandon()
