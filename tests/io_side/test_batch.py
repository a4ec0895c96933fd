"""`Batch`: the events of a read, made when the queue takes them."""

from evdispatch import Event, Line
from evdispatch._core._batch import Batch


def frames_of(events: list[Event]) -> list[bytes]:
    return [event.data for event in events if isinstance(event, Line)]


FRAMES = [b"%d" % number for number in range(150)]


def test_batch_taken_in_pieces_gives_each_frame_once() -> None:
    source = object()
    batch = Batch(Line, FRAMES, source)
    events = batch.take(64, 1.0) + batch.take(0, 2.0) + batch.take(64, 3.0)
    assert len(batch) == 150 - 128
    events += batch.take(64, 4.0)
    assert not batch
    assert batch.take(64, 5.0) == []
    assert frames_of(events) == FRAMES
    assert [event.time for event in events] == [1.0] * 64 + [3.0] * 64 + [4.0] * 22
    assert all(type(each) is Line and each.source is source for each in events)


def test_batch_iterated_gives_the_rest_without_a_time() -> None:
    batch = Batch(Line, FRAMES, None)
    batch.take(10, 1.0)
    events = list(batch)
    assert frames_of(events) == FRAMES[10:]
    assert {event.time for event in events} == {0.0}
    assert not batch
