"""Edge-triggered polling that notices a source which has not read to the end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from evdispatch import Fd, InternalError, Source
from evdispatch._core._poller import EDGE, EpollPoller, ready_now
from evdispatch._io._io_loop import IoLoop
from evdispatch._io._pollers import FACTORIES


class VerifyPoller(EpollPoller):
    """epoll with a level-triggered shadow.

    What is edge-triggered, ready, and was reported before is reported with `EDGE` in its mask.
    """

    __slots__ = ("_shadow", "_suspects")

    def __init__(self) -> None:
        super().__init__()
        self._shadow = EpollPoller()
        self._suspects: set[int] = set()
        self.poll = self._wait

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor. See `Poller.add`."""
        super().add(fd, mask)
        self._shadow.add(fd, mask & ~EDGE)

    def change(self, fd: int, mask: int) -> None:
        """Watch for another mask. See `Poller.change`."""
        super().change(fd, mask)
        self._shadow.change(fd, mask & ~EDGE)
        self._suspects.discard(fd)

    def remove(self, fd: int) -> None:
        """Watch it no longer."""
        super().remove(fd)
        self._shadow.remove(fd)

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Start afresh. See `Poller.rebuild`."""
        masks = list(masks)
        super().rebuild(masks)
        self._shadow.rebuild([(fd, mask & ~EDGE) for fd, mask in masks])

    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        reported = self._epoll.poll(0)
        if (
            not reported and timeout != 0
        ):  # 0: there is more to do, so nothing is settled
            stalled = self._shadow.poll(0)
            reported = self._epoll.poll(0)  # what has come between the two
            if not reported and not stalled:
                return self._epoll.poll(timeout)
            # Only at the second look: another thread may just be changing a mask.
            found = [(fd, mask | EDGE) for fd, mask in stalled if fd in self._suspects]
            self._suspects.update(fd for fd, _ in stalled)
            if not reported:
                return found
        self._suspects.difference_update(fd for fd, _ in reported)
        return reported

    def close(self) -> None:
        """Release the descriptors."""
        super().close()
        self._shadow.close()


def is_drained(source: Source) -> bool:
    """Whether a source has read to the end, as far as it knows."""
    return not isinstance(source, Fd) or not (source._pending or source._handled)


def check_stall(io: IoLoop, fd: int, mask: int) -> None:
    """End a source that is ready and would not be reported any more."""
    registrations = io._registrations
    record = registrations.by_fd[fd]
    if record is None or not record.edge:
        return
    goes_on = record.leftover is not None or record in registrations.ready
    if goes_on or record.held or not is_drained(record.source):
        return
    if ready_now(fd, record.mask) & mask & record.mask:  # still
        what = f"{record.source!r} is edge-triggered, ready (mask {mask & ~EDGE})"
        io._fail(record.source, InternalError(f"{what}, and was not read to the end"))


@contextmanager
def verified_edges() -> Iterator[dict[str, Any]]:
    """Verify edges within the block; yields the options of a dispatcher that has them."""
    ask_ready_all = IoLoop._ask_ready_all

    def ask_verified(io: IoLoop, ready: list[tuple[int, int]], ask: Any) -> bool:
        for fd, mask in ready:
            if mask & EDGE:
                with io._registrations.lock:
                    check_stall(io, fd, mask)
        reported = [(fd, mask) for fd, mask in ready if not mask & EDGE]
        return ask_ready_all(io, reported, ask)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FACTORIES, "epoll", VerifyPoller)
        patch.setattr(IoLoop, "_ask_ready_all", ask_verified)
        yield {"edge": True}
