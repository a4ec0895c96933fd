"""The queue between the two sides: lanes, bounds, and waiting for room."""

import threading

import pytest
from helpers.events import Chore, Rush, Work

from evdispatch import ClosedError, Dispatcher, QueueFull
from evdispatch._core._queue import Queue
from evdispatch._events import IDLE, NORMAL, URGENT
from evdispatch.testing import ManualSource, record, settle

pytestmark = pytest.mark.cross


class Wakes:
    """A queue, and how often each side was woken."""

    def __init__(self, bound: int) -> None:
        self.dispatch = self.io = 0
        self.queue = Queue(bound, self.wake_dispatch, self.wake_io)

    def wake_dispatch(self) -> None:
        self.dispatch += 1

    def wake_io(self) -> None:
        self.io += 1


def test_lane_put_events_keep_their_order() -> None:
    queue = Wakes(10).queue
    first, second, urgent = Work(1), Work(2), Rush()
    queue.lanes[NORMAL].extend([first, second])
    queue.lanes[URGENT].extend([urgent])
    assert [list(lane) for lane in queue.lanes] == [[urgent], [first, second], []]
    assert len(queue) == 3


def test_notify_after_several_puts_wakes_dispatch_once() -> None:
    wakes = Wakes(10)
    wakes.queue.lanes[NORMAL].extend([Work()])
    wakes.queue.notify()
    assert wakes.dispatch == 0
    wakes.queue.sleeping = True
    wakes.queue.lanes[NORMAL].extend([Work()])
    wakes.queue.lanes[NORMAL].extend([Work()])
    assert wakes.dispatch == 0
    wakes.queue.notify()
    wakes.queue.notify()
    assert wakes.dispatch == 1


@pytest.mark.parametrize("lane", [NORMAL, URGENT, IDLE])
def test_notify_event_in_any_lane_wakes_dispatch(lane: int) -> None:
    wakes = Wakes(10)
    wakes.queue.sleeping = True
    wakes.queue.notify()
    assert wakes.dispatch == 0
    wakes.queue.lanes[lane].extend([Work()])
    wakes.queue.notify()
    assert wakes.dispatch == 1


def test_request_check_while_sleeping_wakes_dispatch_once() -> None:
    wakes = Wakes(10)
    wakes.queue.request_check()
    assert (wakes.queue.check_requested, wakes.dispatch) == (True, 0)
    wakes.queue.sleeping = True
    wakes.queue.request_check()
    wakes.queue.request_check()
    assert wakes.dispatch == 1


def test_free_space_some_events_is_the_rest_of_the_bound() -> None:
    queue = Wakes(3).queue
    queue.lanes[NORMAL].extend([Work(), Work()])
    assert (queue.free_space(NORMAL), queue.free_space(URGENT)) == (1, 3)


def test_free_space_of_full_idle_lane_is_above_zero() -> None:
    """Nothing would wake the IO side when there is room: the lane may stay full for long."""
    queue = Wakes(2).queue
    queue.lanes[IDLE].extend([Chore()] * 5)
    assert queue.free_space(IDLE) > 0


def test_full_lane_two_full_lanes_is_the_more_urgent() -> None:
    queue = Wakes(1).queue
    assert queue.full_lane == IDLE
    queue.lanes[NORMAL].extend([Work()])
    assert queue.full_lane == NORMAL
    queue.lanes[URGENT].extend([Rush()])
    assert queue.full_lane == URGENT


@pytest.mark.parametrize("lane", [NORMAL, URGENT])
def test_io_side_waiting_is_woken_at_half_the_bound(lane: int) -> None:
    wakes = Wakes(4)
    wakes.queue.lanes[lane].extend([Work() for _ in range(4)])
    assert wakes.queue.wait_for_low_water()
    assert wakes.queue.waited_for
    wakes.queue.lanes[lane].popleft()
    wakes.queue.resume_producers()
    assert wakes.io == 0
    wakes.queue.lanes[lane].popleft()
    wakes.queue.resume_producers()
    wakes.queue.resume_producers()
    assert wakes.io == 1
    assert not wakes.queue.waited_for


def test_wait_for_low_water_empty_lanes_returns_false() -> None:
    queue = Wakes(4).queue
    assert not queue.wait_for_low_water()
    assert not queue.waited_for


def test_wait_for_room_with_room_returns_at_once() -> None:
    queue = Wakes(1).queue
    queue.wait_for_room(NORMAL, None)
    assert not queue.waited_for


def test_wait_for_room_after_timeout_raises_queue_full() -> None:
    queue = Wakes(1).queue
    queue.lanes[NORMAL].extend([Work()])
    with pytest.raises(QueueFull, match=r"the queue is full \(1 events\)"):
        queue.wait_for_room(NORMAL, 0)
    assert not queue.waited_for
    assert queue.check_requested


def test_wait_for_room_closed_queue_raises_closed_error() -> None:
    queue = Wakes(1).queue
    queue.lanes[NORMAL].extend([Work()])
    queue.close()
    with pytest.raises(ClosedError, match="while a post waited"):
        queue.wait_for_room(NORMAL, None)


# -- through the dispatcher ----------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -1])
def test_queue_size_below_one_raises_value_error(size: int) -> None:
    with pytest.raises(ValueError, match="queue_size must be at least 1"):
        Dispatcher(queue_size=size)


@pytest.mark.parametrize("size", [1.0, True, "10", None], ids=repr)
def test_queue_size_not_a_whole_number_raises_type_error(size: object) -> None:
    with pytest.raises(TypeError, match="queue_size must be a whole number"):
        Dispatcher(queue_size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_source_more_events_than_queue_size_loses_none(io: str, size: int) -> None:
    with Dispatcher(io=io, queue_size=size) as app:  # type: ignore[arg-type]
        seen = record(app, Work)
        most = 0

        @app.on(Work)
        def measure() -> None:
            nonlocal most
            most = max(most, app.stats().waiting)

        source = app.add(ManualSource())
        source.emit(*(Work(number) for number in range(100)))
        settle(app)
        assert [event.number for event in seen] == list(range(100))
        assert most <= size + 1  # the sentinel of settle has no other lane
        assert app.stats().balanced
        assert app.stats().sources[source].handled == 100


def test_urgent_post_full_normal_lane_is_handled_first(io: str) -> None:
    with Dispatcher(io=io, queue_size=4) as app:  # type: ignore[arg-type]
        order: list[str] = []
        app.on(Work)(lambda: order.append("work"))
        app.on(Rush)(lambda: order.append("rush"))
        for _ in range(8):
            app.post(Work())
        app.post(Rush())
        settle(app)
        assert order == ["rush"] + ["work"] * 8


def test_idle_events_above_queue_size_all_come(io: str) -> None:
    class Chores(ManualSource):
        lane = IDLE

    with Dispatcher(io=io, queue_size=4) as app:  # type: ignore[arg-type]
        seen = record(app, Chore)
        source = app.add(Chores())
        source.emit(*(Chore() for _ in range(20)))
        settle(app)
        for _ in range(20):
            app.step(0)
        assert len(seen) == 20
        assert app.stats().balanced


def test_post_in_handler_full_queue_does_not_wait(io: str) -> None:
    with Dispatcher(io=io, queue_size=2) as app:  # type: ignore[arg-type]
        seen = record(app, Work)

        @app.on(Rush)
        def flood() -> None:
            for number in range(10):
                app.post(Work(number), timeout=0)

        app.post(Rush())
        settle(app)
        assert [event.number for event in seen] == list(range(10))


def test_post_from_thread_full_queue_raises_after_timeout(
    io: str,
) -> None:
    with Dispatcher(io=io, queue_size=2) as app:  # type: ignore[arg-type]
        failures: list[Exception] = []

        def post() -> None:
            try:
                app.post(Work(), timeout=0)
            except QueueFull as error:
                failures.append(error)

        for _ in range(3):
            thread = threading.Thread(target=post)
            thread.start()
            thread.join()
        assert len(failures) == 1
        assert app.stats().waiting == 2
        assert app.stats().posts.read == 2  # what was refused is not counted
        assert app.stats().balanced
