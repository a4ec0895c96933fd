"""Opening a connection: several addresses tried side by side, the first one wins.

After RFC 8305 (Happy Eyeballs): the next attempt begins when the one before has failed, or
has not succeeded within `_DELAY`. It is a state machine: time is passed in, nothing waits.

- A unix socket whose backlog is full says EAGAIN, and nothing ever tells that there is
  room (connect(2)): it is tried again after a while.
- Connecting to a local port where nobody listens may connect a TCP socket to itself.
"""

import errno
import os
import socket
from collections import deque

from evdispatch._core._poller import READ, WRITE, EpollPoller, ready_now
from evdispatch.sources.net._addresses import show
from evdispatch.sources.net._resolve import Candidate

_DELAY = 0.25  # seconds: the "Connection Attempt Delay" that RFC 8305 recommends
_RETRY = (
    0.01,
    0.16,
)  # seconds between two tries of a full backlog: the first, the longest


class Race:
    """Attempts to connect to one of several addresses.

    Attributes:
        deadline: When to call `advance` even if nothing is ready; None: never.
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
        self._retry = _RETRY[0]
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
        """Look at the attempts, begin what is due, and return the winner if there is one.

        The others are closed then.

        Args:
            now: In seconds.

        Raises:
            OSError: All have failed. What the first one says, with the others in notes.
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
            self._retry = min(2 * self._retry, _RETRY[1])
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
    except OSError:  # reset already: reading will tell
        return False
