"""evdispatch against other libraries, and against plain loops, in one run.

    PYTHONPATH=tests python -m bench.performance [FAMILY ...] [--rounds N] [--quick]
        [--json FILE] [--docs DIRECTORY]

Prints a table of each family, and which of our claims hold. See `families` for what a
round is, and each family's file for what is measured.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

from bench.performance import (
    dispatch,
    echo,
    firehose,
    imports,
    lines,
    memory,
    pipes,
    posts,
    timers,
)
from bench.performance.claims import claims_table
from bench.performance.families import Family, measure, say
from bench.performance.tables import circumstances, tables

FAMILIES: Final[dict[str, Family]] = {
    module.FAMILY.name: module.FAMILY
    for module in (
        echo,
        lines,
        dispatch,
        posts,
        timers,
        pipes,
        firehose,
        memory,
        imports,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "families", nargs="*", metavar="FAMILY", help=" ".join(FAMILIES)
    )
    parser.add_argument("--rounds", type=int, help="of each family")
    parser.add_argument("--quick", action="store_true", help="little of all, one round")
    parser.add_argument("--json", type=Path, help="where all that was measured goes")
    parser.add_argument("--docs", type=Path, help="where the page's parts are written")
    options = parser.parse_args()
    unknown = [name for name in options.families if name not in FAMILIES]
    if unknown:
        parser.error(f"no such family: {', '.join(unknown)}")
    measured: dict[str, Any] = {}
    for name in options.families or FAMILIES:
        family = FAMILIES[name]
        rounds = options.rounds or (1 if options.quick else family.rounds)
        begin = time.monotonic()
        cases = measure(family, rounds, quick=options.quick)
        say(f"{name}: {time.monotonic() - begin:.0f} s")
        facts = {
            "title": family.title,
            "base": family.base,
            "absolute": family.absolute,
        }
        measured[name] = facts | circumstances(rounds) | {"cases": cases}
        print(tables(measured[name]))
    print(claims_table(measured))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")
    if options.docs and not options.quick:
        from bench.performance.page import write

        write(measured, options.docs)


if __name__ == "__main__":
    main()
