"""How a connection is opened, and opened anew. One that was accepted has none of it."""

import random
from collections.abc import Callable

import attrs

from evdispatch._checks import check_interval
from evdispatch.sources.net._addresses import parse
from evdispatch.sources.net._race import Race
from evdispatch.sources.net._resolve import Candidate, look_up

AddressLike = str | tuple[str | None, int]


@attrs.frozen
class Backoff:
    """How long to wait before a connection is opened anew, in seconds.

    Args:
        first: After the first failure.
        factor: How much longer after each further one.
        longest: At most.
        jitter: The part of it that is left to chance, 0 to 1: many clients that lost the
            same server should not come back at once.
        chance: Returns a number from 0 to 1.
    """

    first: float = 0.5
    factor: float = 2.0
    longest: float = 30.0
    jitter: float = 0.5
    chance: Callable[[], float] = random.random

    def __attrs_post_init__(self) -> None:
        for name in ("first", "factor", "longest"):
            check_interval(name, getattr(self, name))
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is from 0 to 1, not {self.jitter!r}")

    def delay(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row, from 0 on."""
        steps = min(failures, 64)  # more would overflow, and is the longest long since
        longest = min(self.longest, self.first * self.factor**steps)
        return longest * (1 - self.jitter * self.chance())


class Opening:
    """The attempts of one connection, one race after another."""

    def __init__(
        self,
        address: AddressLike,
        timeout: float | None,
        reconnect: bool | Backoff,  # noqa: FBT001 (as the user gave it)
    ) -> None:
        if timeout is not None:
            check_interval("timeout", timeout)
        self.given = address
        self.address = parse(address)
        self.timeout = timeout
        self.backoff = Backoff() if reconnect is True else reconnect or None
        self.race: Race | None = None
        self.failures = 0
        self.waiting = False  # for the next attempt
        self.turn = 0  # which opening it is: an answer may come after it was given up
        self._found: tuple[int, list[Candidate] | OSError] | None = None

    def look_up(self, turn: int, done: Callable[[], None]) -> None:
        """Look the name up, for this turn; on another thread."""
        try:
            self._found = turn, look_up(self.address)
        except OSError as error:
            self._found = turn, error
        done()

    def begin(self) -> Race | None:
        """Return the race; None while the name is being looked up.

        Raises:
            OSError: There is no such name.
        """
        answer, self._found = self._found, None
        if answer is not None and answer[0] == self.turn:
            if isinstance(answer[1], OSError):
                raise answer[1]
            self.race = Race(answer[1])
        return self.race

    def close(self) -> None:
        """Give up."""
        self.turn += 1
        if self.race is not None:
            self.race.close()
            self.race = None
