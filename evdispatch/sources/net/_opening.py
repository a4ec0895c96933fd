"""Opening a connection: look the name up, race the addresses, wait and try again.

Nothing here waits; only `look_up` may block.

- The race is that of RFC 8305 (Happy Eyeballs): the next attempt begins when the one before
  has failed, or has not succeeded within `_DELAY`.
- A unix socket whose backlog is full says EAGAIN, and no poller reports when there is
  room (connect(2)): it is tried again after a while.
- Connecting to a local port where no socket listens may connect a TCP socket to itself.
"""

import errno
import math
import os
import random
import socket
from collections import deque
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import attrs

from evdispatch._checks import check_interval
from evdispatch._core._poller import READ, WRITE, EpollPoller, ready_now
from evdispatch.sources._base import Source
from evdispatch.sources.net._addresses import (
    Address,
    AddressLike,
    HostPort,
    UnixPath,
    parse,
    show,
)

Candidate = tuple[int, Any]
"""A family, and the address as the socket module has it."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_DELAY = 0.25  # seconds: the "Connection Attempt Delay" that RFC 8305 recommends
_FIRST_RETRY, _LONGEST_RETRY = 0.01, 0.16  # seconds between two tries of a full backlog


def known(address: Address) -> list[Candidate] | None:
    """Return the candidates of an address without a name to look up, else None."""
    if isinstance(address, UnixPath):
        return look_up(address)
    try:
        return _look_up(address, _NUMERIC)
    except socket.gaierror:
        return None


def look_up(address: Address) -> list[Candidate]:
    """Return the candidates of an address; this may take as long as the name servers do.

    Raises:
        OSError: There is no such host; the error names it.
    """
    if isinstance(address, UnixPath):
        return [(socket.AF_UNIX, address.path)]
    try:
        return interleave(_look_up(address, 0))
    except socket.gaierror as error:
        host = show(HostPort(address.host or "localhost", address.port))
        raise socket.gaierror(error.errno, f"{error.strerror}: {host}") from None


def _look_up(address: HostPort, flags: int) -> list[Candidate]:
    # Without AI_ADDRCONFIG, which refuses ::1 where only the loopback has IPv6.
    found = socket.getaddrinfo(
        address.host or "localhost", address.port, type=socket.SOCK_STREAM, flags=flags
    )
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


def interleave(candidates: list[Candidate]) -> list[Candidate]:
    """Return them with the families in turn, the first one's family first (RFC 8305, 4)."""
    first = [each for each in candidates if each[0] == candidates[0][0]]
    others = [each for each in candidates if each[0] != candidates[0][0]]
    pairs = zip_longest(first, others)
    return [each for pair in pairs for each in pair if each is not None]


class Race:
    """Attempts to connect to one of several addresses, side by side.

    Attributes:
        deadline: When to call `advance` even if no attempt is ready; None: never.
    """

    __slots__ = (
        "_attempts",
        "_delay",
        "_failures",
        "_poller",
        "_retry",
        "_waiting",
        "deadline",
    )

    def __init__(self, candidates: list[Candidate], *, delay: float = _DELAY) -> None:
        self._waiting = deque(candidates)
        self._delay = delay
        self._attempts: dict[int, tuple[socket.socket, Candidate]] = {}
        self._failures: list[OSError] = []
        self._poller: EpollPoller | None = None  # where several are under way
        self._retry = _FIRST_RETRY
        self.deadline: float | None = None

    @property
    def watched(self) -> tuple[int, int] | None:
        """The descriptor and mask that are ready when an attempt has an outcome.

        None while no attempt is under way: only the deadline counts.
        """
        if self._poller is not None:
            return self._poller.fileno(), READ
        return next(((fd, WRITE) for fd in self._attempts), None)

    def advance(self, now: float) -> socket.socket | None:
        """Check the attempts, begin what is due, and return the winner if there is one.

        The others are closed then.

        Args:
            now: In seconds.

        Raises:
            OSError: All have failed. It is that of the first one, with the others in notes.
        """
        for fd in [fd for fd in self._attempts if ready_now(fd, WRITE)]:
            sock, candidate = self._take(fd)  # one by one: `close` closes the others
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if (winner := self._judge(sock, candidate, number)) is not None:
                return winner
            self.deadline = None  # a failure begins the next one at once
        while self._waiting and (self.deadline is None or now >= self.deadline):
            if (winner := self._begin(self._waiting.popleft(), now)) is not None:
                return winner
        if not self._waiting:
            self.deadline = None
            if not self._attempts:
                self.close()
                raise self._failure()
        return None

    def close(self) -> None:
        """Give up all attempts."""
        for sock, _ in self._attempts.values():
            sock.close()
        self._attempts.clear()
        self._waiting.clear()
        self.deadline = None
        if self._poller is not None:
            self._poller.close()
            self._poller = None

    def _take(self, fd: int) -> tuple[socket.socket, Candidate]:
        if self._poller is not None:
            self._poller.remove(fd)
        return self._attempts.pop(fd)

    def _begin(self, candidate: Candidate, now: float) -> socket.socket | None:
        family, sockaddr = candidate
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._fail(error.errno, candidate)
            return None
        try:
            sock.settimeout(0)
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = sock.connect_ex(sockaddr)
            if number in (errno.EINPROGRESS, errno.EINTR):
                self._watch(sock, candidate)
                self.deadline = now + self._delay
                return None
        except OSError as error:  # an address that can't be, for instance
            number = error.errno or errno.EINVAL
        if number == errno.EAGAIN and family == socket.AF_UNIX:
            sock.close()
            self._waiting.appendleft(candidate)
            self.deadline = now + self._retry
            self._retry = min(2 * self._retry, _LONGEST_RETRY)
            return None
        return self._judge(sock, candidate, number)

    def _watch(self, sock: socket.socket, candidate: Candidate) -> None:
        """Watch several attempts by one descriptor; a single one is watched as it is.

        Raises:
            OSError: It can't be watched. The others still are.
        """
        if self._attempts and self._poller is None:
            self._poller = self._poller_of_all()
        if self._poller is not None:
            self._poller.add(sock.fileno(), WRITE)
        self._attempts[sock.fileno()] = sock, candidate

    def _poller_of_all(self) -> EpollPoller:
        poller = EpollPoller()
        try:
            poller.fileno()  # made by the first call: now, where a failure has its place
            for fd in self._attempts:
                poller.add(fd, WRITE)
        except OSError:
            poller.close()
            raise
        return poller

    def _judge(
        self, sock: socket.socket, candidate: Candidate, number: int
    ) -> socket.socket | None:
        if number == 0 and _is_connected_to_itself(sock):
            number = errno.ECONNREFUSED
        if number == 0:
            self.close()
            return sock
        sock.close()
        self._fail(number, candidate)
        return None

    def _fail(self, number: int | None, candidate: Candidate) -> None:
        number = number or errno.EINVAL
        error = OSError(number, os.strerror(number), show(candidate[1]))
        self._failures.append(error)

    def _failure(self) -> OSError:
        first, *others = self._failures
        for other in others:
            first.add_note(f"and {other}")
        return first


def _is_connected_to_itself(sock: socket.socket) -> bool:
    if sock.family == socket.AF_UNIX:
        return False
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:  # reset already: reading reports it
        return False


@attrs.frozen
class Backoff:
    """How long to wait before a connection is opened again, in seconds.

    Args:
        first: After the first failure.
        factor: How many times longer after each further failure.
        longest: At most.
        jitter: The part of the delay that is left to chance, 0 to 1: many clients that lost
            the same server should not come back at once.
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
            raise ValueError(f"jitter must be from 0 to 1, got {self.jitter!r}")

    def delay(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row, from 0 on."""
        steps = min(failures, 64)  # more would overflow, and `longest` holds long since
        longest = min(self.longest, self.first * self.factor**steps)
        return longest * (1 - self.jitter * self.chance())


class Opening:
    """Opens a connection: one race after another. An accepted connection has none.

    Its steps watch the descriptors of the race, and set deadlines, in the name of a source.

    Attributes:
        given: The address, as the user gave it.
        address: The address in parts.
        backoff: How long to wait after a failure; None: it is not opened again.
        race: The attempts; None while the name is looked up.
        turn: How often it was given up: an answer may come after that.
    """

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
        self.backoff = Backoff() if reconnect is True else reconnect or None
        self.race: Race | None = None
        self.turn = 0
        self._timeout = math.inf if timeout is None else timeout
        self._ends_at = math.inf
        self._begins_at: float | None = None  # while it waits
        self._failures = 0
        self._answer: tuple[int, list[Candidate] | OSError] | None = None

    def begin(self, source: Source) -> None:
        """Begin; the source will be woken."""
        self._begins_at = None
        self._ends_at = source.host.now() + self._timeout
        source.set_deadline(self._ends_at)
        candidates = known(self.address)
        if candidates is None:
            turn = self.turn
            source.host.in_background(lambda: self.look_up(turn, source.wake))
        else:
            self.race = Race(candidates)
            source.wake()

    def look_up(self, turn: int, done: Callable[[], None]) -> None:
        """Look the name up, for this turn; on another thread."""
        try:
            self._answer = turn, look_up(self.address)
        except OSError as error:
            self._answer = turn, error
        done()

    def take_answer(self) -> None:
        """Begin the race if the name was looked up meanwhile.

        Raises:
            OSError: There is no such name.
        """
        answer, self._answer = self._answer, None
        if answer is not None and answer[0] == self.turn:
            if isinstance(answer[1], OSError):
                raise answer[1]
            self.race = Race(answer[1])

    def advance(self, source: Source) -> socket.socket | None:
        """Take a step, and return the connected socket if there is one.

        Raises:
            OSError: It can't be opened, or not in time.
        """
        now = source.host.now()
        if self._begins_at is not None:
            if now >= self._begins_at:
                self.begin(source)
            return None
        source.host.set_fd(source, None)  # what the race closes must not be watched
        self.take_answer()
        race = self.race
        if race is not None and (winner := race.advance(now)) is not None:
            source.set_deadline(None)
            return winner
        if now >= self._ends_at:
            raise TimeoutError("it could not be opened in time")
        fd, mask = (race and race.watched) or (None, 0)
        source.watch(mask)
        source.host.set_fd(source, fd)
        times = (self._ends_at, None if race is None else race.deadline)
        source.set_deadline(min(t for t in times if t is not None))
        return None

    def wait(self, source: Source, backoff: Backoff, *, connected: bool) -> float:
        """Give up, and wait before it begins again; return for how long.

        That it was ``connected`` ends a row of failures.
        """
        source.host.set_fd(source, None)
        self.close()
        failures = 0 if connected else self._failures
        self._failures = failures + 1
        delay = backoff.delay(failures)
        self._begins_at = source.host.now() + delay
        source.set_deadline(self._begins_at)
        return delay

    def close(self) -> None:
        """Give up."""
        self.turn += 1
        if self.race is not None:
            self.race.close()
            self.race = None
