"""How a dispatcher ends: closed, or collected without `close`."""

import gc
import os
import threading
import warnings
import weakref
from typing import Any

import pytest
from helpers.descriptors import open_descriptors
from helpers.dispatchers import CALLS, QUIET
from helpers.events import Work, nothing

from evdispatch import ClosedError, Dispatcher
from evdispatch._lifetime import weakly
from evdispatch.testing import ManualSource, record

# -- close ---------------------------------------------------------------------------------


def test_close_releases_descriptors_threads_and_sources(io: Any) -> None:
    fds, threads = open_descriptors(), threading.active_count()
    app = Dispatcher(io=io)
    source = app.add(ManualSource())
    app.step(0)
    assert len(open_descriptors()) > len(fds)
    app.close()
    assert open_descriptors() == fds
    assert threading.active_count() == threads
    assert source.closed
    assert app.sources == ()


def test_close_called_twice_does_nothing(app: Dispatcher) -> None:
    app.close()
    app.close()


def test_with_block_that_raises_closes_the_dispatcher(io: Any) -> None:
    with pytest.raises(LookupError), Dispatcher(io=io) as app:
        raise LookupError
    assert repr(app).endswith("closed>")


def test_with_block_of_a_closed_dispatcher_raises(app: Dispatcher) -> None:
    app.close()
    with pytest.raises(ClosedError), app:
        pass


def test_close_with_queued_events_drops_them(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.post(Work())
    app.close()
    assert seen == []
    assert app.stats().waiting == 1


def test_close_with_a_source_that_fails_closes_the_others(io: Any) -> None:
    class Bad(ManualSource):
        def on_close(self) -> None:
            raise OSError("would not close")

    fds = open_descriptors()
    app = Dispatcher(io=io)
    sources = [app.add(ManualSource()), app.add(Bad()), app.add(ManualSource())]
    with pytest.raises(OSError, match="would not close"):
        app.close()
    assert all(source.closed for source in sources)
    assert open_descriptors() == fds
    app.close()


@pytest.mark.parametrize("name", CALLS)
def test_closed_dispatcher_raises_closed_error(app: Dispatcher, name: str) -> None:
    app.close()
    with pytest.raises(ClosedError, match="the dispatcher is closed"):
        CALLS[name](app)


@pytest.mark.parametrize("name", QUIET)
def test_closed_dispatcher_allows_calls_that_add_nothing(
    app: Dispatcher, name: str
) -> None:
    app.close()
    QUIET[name](app)


def test_closed_dispatcher_allows_to_remove_sources_and_handlers(
    app: Dispatcher,
) -> None:
    class Marked:
        handler = staticmethod(nothing)

    source = app.add(ManualSource())
    app.on(Work)(nothing)
    app.close()
    app.remove(source)
    assert app.off(nothing) == 1
    with pytest.raises(ValueError, match="is not registered"):
        app.unregister(Marked())


def test_dispatcher_methods_are_all_covered_by_these_tests() -> None:
    public = {name for name in dir(Dispatcher) if not name.startswith("_")}
    covered = {*CALLS, *QUIET, "remove", "unregister", "close"} - {"bare on", "enter"}
    assert public == covered


def test_remove_source_of_another_dispatcher_raises(app: Dispatcher) -> None:
    with Dispatcher(io="inline") as other:
        source = other.add(ManualSource())
        with pytest.raises(RuntimeError, match="was not added to this dispatcher"):
            app.remove(source)
        assert source in other.sources
        other.remove(source)
        assert source.closed
        app.remove(source)  # allowed: the source is closed


def test_add_of_no_source_raises_with_a_hint(app: Dispatcher) -> None:
    with pytest.raises(TypeError, match=r"add takes a Source \(for a descriptor: Fd\)"):
        app.add(0)  # type: ignore[type-var]


@pytest.mark.parametrize("left", [0, 1])
def test_dispatcher_without_free_descriptors_raises_and_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """The system has only so many descriptors left."""
    before = open_descriptors()
    made: list[int] = []
    real = os.pipe2

    def pipe2(flags: int) -> tuple[int, int]:
        if len(made) == left:
            raise OSError(24, "Too many open files")
        pair = real(flags)
        made.append(pair[0])
        return pair

    monkeypatch.setattr(os, "pipe2", pipe2)
    with pytest.raises(OSError, match="Too many open files"):
        Dispatcher(io="thread")
    assert len(made) == left
    assert open_descriptors() == before


def test_dispatcher_whose_alarm_fails_raises_and_leaves_none_open(io: Any) -> None:
    class NoAlarm:
        def now(self) -> float:
            return 0.0

        def alarm(self) -> Any:
            raise OSError(24, "Too many open files")

    fds = open_descriptors()
    with pytest.raises(OSError, match="Too many open files"):
        Dispatcher(io=io, clock=NoAlarm())
    gc.collect()
    assert open_descriptors() == fds


# -- not closed ----------------------------------------------------------------------------


@pytest.mark.parametrize("stepped", [False, True])
def test_unclosed_dispatcher_collected_warns_and_is_closed(
    io: Any, stepped: bool
) -> None:
    fds = open_descriptors()
    app = Dispatcher(io=io)
    if stepped:  # there is an IO thread now, which must not keep it alive
        app.step(0)
    with pytest.warns(ResourceWarning, match=r"unclosed <Dispatcher io='\w+' open>"):
        del app
    assert open_descriptors() == fds


def test_closed_dispatcher_is_freed_without_the_collector(io: Any) -> None:
    app = Dispatcher(io=io)
    app.step(0)
    app.close()
    dead = weakref.ref(app)
    del app
    assert dead() is None


def test_uninitialized_dispatcher_is_freed_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dispatcher.__new__(Dispatcher)
        with pytest.raises(ValueError, match="io must be"):
            Dispatcher(io="nonsense")  # type: ignore[arg-type]
        gc.collect()


def test_weakly_method_is_called_while_its_object_lives() -> None:
    class Target:
        called = 0

        def method(self) -> None:
            Target.called += 1

    target = Target()
    call = weakly(target.method)
    call()
    del target
    call()
    assert Target.called == 1
