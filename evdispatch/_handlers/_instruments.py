"""Instruments observe the calls of handlers and the turns of sources.

Without instruments there is no overhead. Dispatch calls ``subscription.call``, wrapped or not. For
a throttled handler the delayed call is wrapped. The first instrument is the innermost. The IO loop
checks once a poll whether an instrument observes turns. Subscriptions and instruments change only
on the dispatch thread.
"""

from typing import Any

from evdispatch._handlers._handler import Handler
from evdispatch._handlers._routes import Scope, Subscription


class Instrument:
    """Base of instruments; override the methods that you need.

    Attributes:
        observes_turns: Whether `before_turn` and `after_turn` are called.
    """

    observes_turns = False

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return a function of the event to call instead; the call itself: leave it as it is.

        It must not reference the subscription: that would create a reference cycle.

        Args:
            subscription: The subscription of the handler.
            call: Calls the handler.
            takes_event: Whether ``call`` takes the event, or nothing.
        """
        return call

    def before_turn(self, source: Any) -> None:
        """Note that a source will be asked for events. IO side, under its lock."""

    def after_turn(self, source: Any) -> None:
        """Note that a source was asked for events. IO side, under its lock."""

    def end_run(self) -> None:
        """A run has ended: end the threads that it needed."""

    def close(self) -> None:
        """Release the instrument: the dispatcher is closed."""

    def abandon(self) -> None:
        """Forget threads and files in a forked child: they belong to the parent."""


class Instruments:
    """The instruments of a dispatcher.

    Args:
        scope: The scope of all subscriptions.

    Attributes:
        of_turns: The instruments that observe the turns of sources.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._all: list[Instrument] = []
        self.of_turns: tuple[Instrument, ...] = ()

    def add(self, instrument: Instrument) -> None:
        """Add an instrument; it observes all later calls."""
        self._set([*self._all, instrument])

    def remove(self, instrument: Instrument) -> bool:
        """Remove an instrument, and return whether it was there.

        A call that is in progress is observed to its end.
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
        """Wrap the calls of a new subscription in all instruments."""
        if self._all:
            self._fit(subscription)

    def _fit(self, subscription: Subscription) -> None:
        if subscription.bare is None:
            subscription.bare = subscription.called
        call, takes_event = subscription.bare
        for instrument in self._all:
            wrapped = instrument.around(subscription, call, takes_event=takes_event)
            if wrapped is not call:
                call, takes_event = wrapped, True
        subscription.set_called(call, takes_event=takes_event)

    def end_run(self) -> None:
        """End the threads of a run."""
        for instrument in self._all:
            instrument.end_run()

    def close(self) -> None:
        """Close all instruments."""
        for instrument in self._all:
            instrument.close()

    def abandon(self) -> None:
        """Abandon all instruments, in a forked child."""
        for instrument in self._all:
            instrument.abandon()
