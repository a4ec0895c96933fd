"""What a measurement is: families of cases, measured in rounds.

- A family is one kind of work, a case one size of it. A contestant is who does it.
- A round measures all contestants of a case one after the other, another one first each
  time. What it gives are ratios; the median of these is what holds on a machine that
  others use too. Figures of two runs are never compared.
- A measure's name begins with its unit, and less is better.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Final

import attrs

Values = dict[str, float]
"""What one measurement gave, by the name of the measure."""

Rounds = dict[str, dict[str, list[float | None]]]
"""By measure and contestant, the figure of each round; None: it failed."""

_PACKAGES: Final = {"Twisted": "twisted", "Tornado": "tornado"}


@attrs.frozen
class Case:
    """One size of a family's work, and who does it.

    ``every`` is for what takes long: it is measured in each second round, or third.
    """

    name: str
    contestants: Sequence[str]
    measure: Callable[[str], Values]
    every: int = 1


@attrs.frozen
class Family:
    """A kind of work. ``prepare`` is entered for each round."""

    name: str
    title: str
    rounds: int
    base: str  # the contestant that the others are compared with
    prepare: Callable[[bool], AbstractContextManager[list[Case]]]
    absolute: Sequence[str] = ()  # measures of which ratios say nothing


def is_here(contestant: str) -> bool:
    """Whether what a contestant needs is installed."""
    if contestant == "plain C":
        return shutil.which("cc") is not None
    package = contestant.partition(",")[0]
    if " " in package:  # "a bare epoll loop" needs nothing
        return True
    return find_spec(_PACKAGES.get(package, package)) is not None


def say(text: str) -> None:
    """Tell how it goes, beside what is printed."""
    print(text, file=sys.stderr, flush=True)


def measure(family: Family, rounds: int, *, quick: bool) -> dict[str, Rounds]:
    """Measure a family's cases, in so many rounds."""
    results: dict[str, Rounds] = {}
    for turn in range(rounds):
        with family.prepare(quick) as cases:
            for case in cases:
                if turn % case.every == 0:
                    _one_round(case, turn, results.setdefault(case.name, {}))
        say(f"{family.name}: round {turn + 1} of {rounds}")
    return results


def _one_round(case: Case, turn: int, results: Rounds) -> None:
    names = [name for name in case.contestants if is_here(name)]
    first = turn % len(names)
    found: dict[str, Values] = {}
    for name in names[first:] + names[:first]:
        try:
            found[name] = case.measure(name)
        except Exception as error:  # noqa: BLE001 (one that fails spoils no other)
            say(f"{name} failed at {case.name}: {error!r}")
    for unit in next(iter(found.values()), {}):
        for name in names:
            values = results.setdefault(unit, {}).setdefault(name, [])
            values.append(found.get(name, {}).get(unit))
