"""In which io modes and on which pollers a test runs.

A test that uses a dispatcher (the fixtures `io` and `polling`) runs in every io mode, and on
epoll. Marks say otherwise: ``pollers`` runs it on every poller, ``pollers("poll", "select")``
on these alone, ``modes("inline")`` in this mode alone.

``--matrix=all`` runs all of that. ``--matrix=default`` runs each test once, with the first of
its modes and pollers, but those marked ``cross`` with all of them.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from helpers.pollers import verified_edges

MODES = ("auto", "inline", "thread")
POLLERS = ("epoll", "edge", "poll", "select")  # edge: and nothing may be left unread


class Axis(NamedTuple):
    """A fixture with a value for each way to run a test.

    Attributes:
        every: All the values, the default one first.
        unmarked: Those of a test without a mark.
    """

    fixture: str
    mark: str
    every: tuple[str, ...]
    unmarked: tuple[str, ...]

    def values(self, mark: pytest.Mark | None) -> tuple[str, ...]:
        """Return the values that a test is for."""
        if mark is None:
            return self.unmarked
        if strange := set(mark.args) - set(self.every):
            raise ValueError(f"{self.mark} must be of {self.every}, got {strange}")
        return tuple(each for each in self.every if each in mark.args) or self.every

    def chosen(
        self, values: tuple[str, ...], wanted: list[str] | None, *, in_all: bool
    ) -> tuple[str, ...]:
        """Return those that a test runs with: at least one."""
        if wanted is not None:
            # A test for other values alone is deselected when all are collected.
            return tuple(each for each in values if each in wanted) or values[:1]
        return values if in_all else values[:1]


AXES = (
    Axis("io", "modes", MODES, MODES),
    Axis("polling", "pollers", POLLERS, ("epoll",)),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("matrix", "modes and pollers")
    group.addoption(
        "--matrix",
        choices=("default", "all"),
        default="default",
        help="each test once, and those marked 'cross' in all ways; or all in all ways",
    )
    for axis in AXES:
        group.addoption(
            f"--{axis.mark}",
            type=lambda text: text.split(","),
            help="only these, with commas: " + ",".join(axis.every),
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test with the modes and pollers that were asked for."""
    in_all = metafunc.config.getoption("matrix") == "all" or (
        metafunc.definition.get_closest_marker("cross") is not None
    )
    for axis in AXES:
        if axis.fixture in metafunc.fixturenames:
            values = axis.values(metafunc.definition.get_closest_marker(axis.mark))
            wanted = metafunc.config.getoption(axis.mark)
            chosen = axis.chosen(values, wanted, in_all=in_all)
            metafunc.parametrize(axis.fixture, chosen, indirect=True)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Deselect tests for none of the modes or pollers that were asked for."""
    for axis in AXES:
        wanted = config.getoption(axis.mark)
        if wanted is not None:
            out = [item for item in items if not _is_one_of(item, axis, wanted)]
            config.hook.pytest_deselected(items=out)
            items[:] = [item for item in items if _is_one_of(item, axis, wanted)]


def _is_one_of(item: pytest.Item, axis: Axis, wanted: Iterable[str]) -> bool:
    callspec = getattr(item, "callspec", None)
    value = None if callspec is None else callspec.params.get(axis.fixture)
    return value is None or value in wanted


@pytest.fixture
def io(request: pytest.FixtureRequest) -> Any:
    """Return the mode: the dispatcher's option of that name."""
    return request.param


@pytest.fixture
def polling(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Return the dispatcher's options for the poller."""
    if request.param == "edge":
        with verified_edges() as options:
            yield options
    else:
        yield {} if request.param == "epoll" else {"poller": request.param}
