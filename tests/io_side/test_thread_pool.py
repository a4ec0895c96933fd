"""`Pool`: functions that may block, on a few threads that end when there is no work."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from helpers.processes import in_child
from helpers.waiting import PATIENCE

from evdispatch._io._threads import Pool


@pytest.fixture
def no_threads() -> Iterator[Callable[[], None]]:
    """Make the system refuse threads, once called, by a stack size that is too large."""
    size = threading.stack_size()

    def refuse() -> None:
        threading.stack_size(1 << 46)

    yield refuse
    threading.stack_size(size)


def test_pool_runs_work_on_threads_that_end() -> None:
    pool = Pool(2, "test-pool")
    done = threading.Barrier(3)
    names: list[str] = []

    def work() -> None:
        names.append(threading.current_thread().name)
        done.wait(PATIENCE)

    pool.submit(work)
    pool.submit(work)
    done.wait(PATIENCE)
    pool.close(10)
    assert names == ["test-pool"] * 2
    assert threading.active_count() == 1


def test_pool_with_more_work_than_threads_keeps_to_its_limit() -> None:
    pool = Pool(2, "test-pool")
    go = threading.Event()
    order: list[int] = []
    busy: list[int] = []

    def work(number: int) -> None:
        busy.append(sum(t.name == "test-pool" for t in threading.enumerate()))
        order.append(number)
        assert go.wait(PATIENCE)

    for number in range(6):
        pool.submit(lambda n=number: work(n))  # type: ignore[misc]
    go.set()
    while len(order) < 6:
        threading.Event().wait(0.001)
    pool.close(10)
    assert sorted(order) == list(range(6))
    assert max(busy) <= 2


def test_pool_idle_starts_a_thread_for_new_work() -> None:
    pool = Pool(1, "test-pool")
    for _ in range(5):
        done = threading.Event()
        pool.submit(done.set)
        assert done.wait(PATIENCE)
    pool.close(10)


@pytest.mark.parametrize("error", [IndexError, SystemExit, KeyboardInterrupt])
def test_pool_work_that_raises_is_logged_and_other_work_runs(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(1, "test-pool")
    done = threading.Event()

    def fail() -> None:
        raise error("on purpose")

    with caplog.at_level(logging.ERROR):
        pool.submit(fail)
        pool.submit(done.set)
        assert done.wait(PATIENCE)
    pool.close(10)
    assert error.__name__ in caplog.text


def test_pool_closed_drops_waiting_work_and_stops_waiting_at_its_timeout() -> None:
    pool = Pool(1, "test-pool")
    begun, go, late = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go.wait(PATIENCE)

    pool.submit(work)
    pool.submit(late.set)
    assert begun.wait(PATIENCE)
    pool.close(0.01)
    pool.submit(late.set)
    laggards = [t for t in threading.enumerate() if t.name == "test-pool"]
    go.set()
    for thread in laggards:
        thread.join(PATIENCE)
    assert len(laggards) == 1
    assert not late.is_set()


def test_pool_closed_on_its_own_thread_does_not_deadlock() -> None:
    """A garbage collection there may close an unclosed dispatcher."""
    pool = Pool(1, "test-pool")
    go, closed = threading.Event(), threading.Event()

    def close() -> None:
        assert go.wait(PATIENCE)
        pool.close(60)
        closed.set()

    pool.submit(close)
    (worker,) = [t for t in threading.enumerate() if t.name == "test-pool"]
    go.set()
    assert closed.wait(PATIENCE)
    worker.join(PATIENCE)


def test_pool_lock_held_can_be_taken_by_a_collection() -> None:
    pool = Pool(1, "test-pool")
    assert pool._lock.acquire(timeout=PATIENCE)
    assert pool._lock.acquire(timeout=1), "close would wait for its own thread"
    pool._lock.release()
    pool._lock.release()
    pool.close(10)


def test_pool_without_any_thread_submit_raises_and_drops_the_work(
    no_threads: Callable[[], None],
) -> None:
    pool = Pool(1, "test-pool")
    refused, done = threading.Event(), threading.Event()
    size = threading.stack_size()
    no_threads()
    with pytest.raises(RuntimeError):
        pool.submit(refused.set)
    threading.stack_size(size)
    pool.submit(done.set)
    assert done.wait(PATIENCE)
    pool.close(10)
    assert not refused.is_set()


def test_pool_without_a_second_thread_uses_the_first(
    no_threads: Callable[[], None],
) -> None:
    pool = Pool(2, "test-pool")
    begun, go, late = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go.wait(PATIENCE)

    pool.submit(work)
    assert begun.wait(PATIENCE)
    no_threads()
    pool.submit(late.set)
    go.set()
    assert late.wait(PATIENCE)
    pool.close(10)


def test_pool_in_a_forked_child_with_the_lock_held_does_nothing() -> None:
    pool = Pool(1, "test-pool")
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with pool._lock:
            held.set()
            assert go.wait(PATIENCE)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(PATIENCE)

    def use() -> None:
        signal.alarm(10)  # ends a child that hangs
        pool.abandon()
        pool.submit(os.abort)
        pool.close(60)

    assert in_child(use) == 0
    go.set()
    holder.join(PATIENCE)
    pool.close(10)
