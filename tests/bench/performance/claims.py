"""What we claim, and whether a run bears it out."""

import statistics
from typing import Any, Final

import attrs
from bench.performance import (
    dispatch,
    echo,
    firehose,
    imports,
    memory,
    posts,
    timers,
)
from bench.performance.processes import OURS
from bench.performance.tables import Column, markdown, number, ratios, spread

ALONE: Final = ("evdispatch, inline", "evdispatch, auto")
"""Modes in which one thread both reads and dispatches while there is little to do."""


@attrs.frozen
class Claim:
    """A measure of ours is at most so many times another's, or at most so much."""

    family: str
    case: str
    measure: str
    ours: str
    theirs: str | None
    most: float
    least: float | None = None  # each round's figure, too

    def cells(self, measured: dict[str, Any]) -> list[str] | None:
        """Return a row of the table; None: it was not measured."""
        case, column = self._column(measured)
        values = self._values(column)
        if not values:
            return None
        middle = statistics.median(values)
        if self.theirs is None:
            told = f"{number(middle)} ({number(values[0])} to {number(values[-1])})"
        else:
            told = spread(values)
        # Where nothing may be below a bound, the least of all counts.
        holds = middle <= self.most and (self.least is None or values[0] >= self.least)
        limit = f"<= {number(self.most)}"
        return [
            f"{case}: {self.measure}",
            self.ours,
            f"times {self.theirs}" if self.theirs else "",
            told,
            limit if self.least is None else f">= {number(self.least)}",
            "yes" if holds else "no",
        ]

    def _column(self, measured: dict[str, Any]) -> tuple[str, Column]:
        cases = measured.get(self.family, {}).get("cases", {})
        for case, measures in cases.items():
            if case.endswith(self.case):
                return case, measures.get(self.measure, {})
        return "", {}

    def _values(self, column: Column) -> list[float]:
        if self.theirs is not None:
            return ratios(column, self.ours, self.theirs)
        return sorted(v for v in column.get(self.ours, ()) if v is not None)


def _claims() -> list[Claim]:
    shape = echo.title(*echo.SHAPES[0])
    claims = []
    for ours in OURS:
        bars = {"uvloop, Protocol": 1.5}
        if ours in ALONE:
            bars = {
                "uvloop, Protocol": 1.1,
                "asyncio, Protocol": 0.85,
                "circuits": 0.13,
            }
        claims += [Claim("echo", shape, echo.CPU, ours, *bar) for bar in bars.items()]
    claims += [
        Claim("dispatch", case, dispatch.CPU, "evdispatch", "pyee", 0.5)
        for case, work in dispatch.CASES.items()
        if work.handlers == 1
    ]
    for ours in OURS:
        calls = "asyncio, call_soon_threadsafe"
        row = ("timers", timers.ONESHOT)
        sockets = [
            Claim("firehose", case, firehose.WORST, ours, None, 10.0)
            for case in firehose.KINDS.values()
        ]
        claims += [
            Claim("posts", "threads", posts.CPU, ours, calls, 0.5),
            Claim(*row, timers.MEDIAN, ours, "asyncio", 1 / 3),
            Claim(*row, timers.EARLIEST, ours, None, float("inf"), least=0.0),
            Claim("timers", timers.MANY, timers.CPU, ours, "asyncio", 1.0),
            Claim("memory", "connections", memory.IDLE, ours, None, 700.0),
            Claim("memory", "connections", memory.IDLE, ours, "asyncio, Protocol", 0.4),
            *sockets,
        ]
    claims.append(Claim("imports", "import", imports.CPU, "evdispatch", "asyncio", 1.0))
    return sorted(claims, key=lambda claim: claim.family)


def claims_table(measured: dict[str, Any]) -> str:
    """Return a table of what was measured of it."""
    head = ["what", "ours", "compared with", "median (least to most)", "bound", "holds"]
    rows = [claim.cells(measured) for claim in _claims()]
    found = [row for row in rows if row is not None]
    return "\n".join(markdown([head, *found])) + "\n" if found else ""
