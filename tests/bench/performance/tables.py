"""The figures as tables: medians, and how many times ours they are."""

import datetime as dt
import platform
import statistics
from typing import Any

Column = dict[str, list[float | None]]
"""The figures of one measure in each round, by contestant."""


def circumstances(rounds: int) -> dict[str, Any]:
    """Return when and where something is measured."""
    return {
        "date": str(dt.datetime.now(tz=dt.UTC).date()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "rounds": rounds,
    }


def median(values: list[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return statistics.median(found) if found else None


def ratios(column: Column, one: str, other: str) -> list[float]:
    """Return how many times the other's figure one's is, in each round."""
    pairs = zip(column.get(one, ()), column.get(other, ()), strict=False)
    return sorted(a / b for a, b in pairs if a is not None and b)


def number(value: float) -> str:
    """Return three digits of it, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: list[float]) -> str:
    """Return the median, the least and the most."""
    middle = f"{statistics.median(values):.2f}"
    return f"{middle} ({values[0]:.2f} to {values[-1]:.2f})"


def tables(family: dict[str, Any]) -> str:
    """Return a table for each case of a family, in Markdown."""
    parts = []
    for case, measures in family["cases"].items():
        names = list(next(iter(measures.values())))
        rows = [[case, *names]]  # turned round at last
        for unit, column in measures.items():
            middles = [median(column[name]) for name in names]
            rows.append([unit, *("-" if m is None else number(m) for m in middles)])
            if unit not in family["absolute"]:
                rows.append(_times(column, names, family["base"]))
        turned = [list(row) for row in zip(*rows, strict=True)]
        parts.append("\n".join(markdown(turned)) + "\n")
    return "\n".join(parts)


def _times(column: Column, names: list[str], base: str) -> list[str]:
    """Return how many times the base's each figure is, below a title."""
    cells = [f"times {base}"]
    for name in names:
        found = ratios(column, name, base)
        cells.append("" if name == base else spread(found) if found else "-")
    return cells


def markdown(rows: list[list[str]]) -> list[str]:
    """Return a table with names flush left, and figures flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [cell.rjust(w) if n else cell.ljust(w) for n, (cell, w) in enumerate(pairs)]
        for pairs in (
            zip(row, widths, strict=True) for row in (rows[0], rule, *rows[1:])
        )
    ]
    return [f"| {' | '.join(line)} |" for line in lines]
