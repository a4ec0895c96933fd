"""The door between the two sides: lanes, bounds, and who waits for room."""

import threading

import pytest
from helpers.events import Chore, Rush, Work

from evdispatch import ClosedError, Dispatcher, QueueFull
from evdispatch._events import IDLE, NORMAL, URGENT
from evdispatch._queueing._queue import Queue
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


def test_each_lane_is_first_in_first_out() -> None:
    queue = Wakes(10).queue
    first, second, urgent = Work(1), Work(2), Rush()
    queue.put(NORMAL, [first, second])
    queue.put(URGENT, [urgent])
    assert [list(lane) for lane in queue.lanes] == [[urgent], [first, second], []]
    assert len(queue) == 3


def test_a_sleeper_is_roused_once_for_all_that_was_put() -> None:
    wakes = Wakes(10)
    wakes.queue.put(NORMAL, [Work()])
    wakes.queue.rouse()
    assert wakes.dispatch == 0
    wakes.queue.sleeping = True
    wakes.queue.put(NORMAL, [Work()])
    wakes.queue.put(NORMAL, [Work()])
    assert wakes.dispatch == 0
    wakes.queue.rouse()
    wakes.queue.rouse()
    assert wakes.dispatch == 1


@pytest.mark.parametrize("lane", [NORMAL, URGENT, IDLE])
def test_a_sleeper_is_roused_for_any_lane_and_not_for_none(lane: int) -> None:
    wakes = Wakes(10)
    wakes.queue.sleeping = True
    wakes.queue.rouse()
    assert wakes.dispatch == 0
    wakes.queue.put(lane, [Work()])
    wakes.queue.rouse()
    assert wakes.dispatch == 1


def test_an_alert_wakes_a_sleeper_and_calls_for_attention() -> None:
    wakes = Wakes(10)
    wakes.queue.alert()
    assert (wakes.queue.attention, wakes.dispatch) == (True, 0)
    wakes.queue.sleeping = True
    wakes.queue.alert()
    wakes.queue.alert()
    assert wakes.dispatch == 1


def test_room_is_what_is_left_of_the_bound() -> None:
    queue = Wakes(3).queue
    queue.put(NORMAL, [Work(), Work()])
    assert (queue.room(NORMAL), queue.room(URGENT)) == (1, 3)


def test_the_idle_lane_always_has_room_for_the_io_side() -> None:
    """Nobody would wake the IO side when it has: idleness may be long in coming."""
    queue = Wakes(2).queue
    queue.put(IDLE, [Chore()] * 5)
    assert queue.room(IDLE) > 0


def test_the_full_lane_is_the_most_urgent_one() -> None:
    queue = Wakes(1).queue
    assert queue.full_lane == IDLE
    queue.put(NORMAL, [Work()])
    assert queue.full_lane == NORMAL
    queue.put(URGENT, [Rush()])
    assert queue.full_lane == URGENT


@pytest.mark.parametrize("lane", [NORMAL, URGENT])
def test_who_stalls_is_woken_at_half_the_bound(lane: int) -> None:
    wakes = Wakes(4)
    wakes.queue.put(lane, [Work() for _ in range(4)])
    assert wakes.queue.stall()
    assert wakes.queue.waited_for
    wakes.queue.lanes[lane].popleft()
    wakes.queue.relieve()
    assert wakes.io == 0
    wakes.queue.lanes[lane].popleft()
    wakes.queue.relieve()
    wakes.queue.relieve()
    assert wakes.io == 1
    assert not wakes.queue.waited_for


def test_nobody_stalls_for_lanes_that_emptied_in_between() -> None:
    queue = Wakes(4).queue
    assert not queue.stall()
    assert not queue.waited_for


def test_waiting_for_room_that_there_is_takes_no_time() -> None:
    queue = Wakes(1).queue
    queue.wait_for_room(NORMAL, None)
    assert not queue.waited_for


def test_waiting_for_room_ends_with_its_timeout() -> None:
    queue = Wakes(1).queue
    queue.put(NORMAL, [Work()])
    with pytest.raises(QueueFull, match=r"the queue is full \(1 events\)"):
        queue.wait_for_room(NORMAL, 0)
    assert not queue.waited_for
    assert queue.attention


def test_a_closed_queue_sends_away_who_waits() -> None:
    queue = Wakes(1).queue
    queue.put(NORMAL, [Work()])
    queue.close()
    with pytest.raises(ClosedError, match="while a post waited"):
        queue.wait_for_room(NORMAL, None)


# -- through the dispatcher ----------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -1])
def test_a_queue_holds_at_least_one_event(size: int) -> None:
    with pytest.raises(ValueError, match="queue_size must be at least 1"):
        Dispatcher(queue_size=size)


@pytest.mark.parametrize("size", [1.0, True, "10", None], ids=repr)
def test_a_queue_size_is_a_whole_number(size: object) -> None:
    with pytest.raises(TypeError, match="queue_size is a whole number"):
        Dispatcher(queue_size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_a_source_that_makes_more_than_the_queue_holds_loses_nothing(
    io: str, size: int
) -> None:
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


def test_a_full_normal_lane_does_not_keep_urgent_events_out(io: str) -> None:
    with Dispatcher(io=io, queue_size=4) as app:  # type: ignore[arg-type]
        order: list[str] = []
        app.on(Work)(lambda: order.append("work"))
        app.on(Rush)(lambda: order.append("rush"))
        for _ in range(8):
            app.post(Work())
        app.post(Rush())
        settle(app)
        assert order == ["rush"] + ["work"] * 8


def test_idle_events_of_a_source_come_through_whatever_their_number(io: str) -> None:
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


def test_a_handler_never_waits_for_room(io: str) -> None:
    with Dispatcher(io=io, queue_size=2) as app:  # type: ignore[arg-type]
        seen = record(app, Work)

        @app.on(Rush)
        def flood() -> None:
            for number in range(10):
                app.post(Work(number), timeout=0)

        app.post(Rush())
        settle(app)
        assert [event.number for event in seen] == list(range(10))


def test_a_post_from_another_thread_raises_queue_full_after_its_timeout(
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
