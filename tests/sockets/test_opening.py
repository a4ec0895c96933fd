"""The attempts of one connection: an answer that comes late is not the next one's."""

from evdispatch.sources.net._opening import Opening


def test_opening_late_answer_does_not_replace_its_race() -> None:
    opening = Opening("localhost:1", 5.0, reconnect=True)
    late = opening.turn
    opening.close()  # the time was over
    opening.look_up(opening.turn, lambda: None)
    opening.take_answer()
    race = opening.race
    assert race is not None
    opening.look_up(late, lambda: None)
    opening.take_answer()
    assert opening.race is race
    opening.close()


def test_opening_late_failure_does_not_end_the_next_attempt() -> None:
    opening = Opening("no-such-host.invalid:1", 5.0, reconnect=True)
    late = opening.turn
    opening.close()
    opening.look_up(late, lambda: None)
    opening.take_answer()
    assert opening.race is None
