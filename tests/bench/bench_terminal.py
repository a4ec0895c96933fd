"""The terminal decoder against those of other libraries, in one run.

Two figures: sequences decoded in a second of CPU time, of a mix of keys and mouse; and MB
of a bracketed paste in a second of CPU time. The rules:

- All decode the same bytes, in reads of at most 4096, which is what a tty gives. Reads end
  between sequences; only blessed gets its paste at once, since it needs all of it. No IO
  is counted, for nobody.
- What counts is the sequences of the input, not the events that came out: who loses some
  gains nothing. But each must make one event of each sequence, and give all of the pasted
  text; else the run fails.
- Who is too slow for all of it gets its beginning. The table says how much.
- Each round times all peers, in turn, and evdispatch after each of them. It gives one
  ratio for each peer; the median of the ratios is what holds on a machine that others use
  too.
- What is freed stays with the process, for all alike. Else it is chance whether a paste
  gets used memory or new pages of the kernel, which cost more than decoding it.
- A first round, which nobody counts, fills the caches.

It exits with 1 if evdispatch has not at least 3 times the sequences and 40 times the paste
of the fastest peer.

    PYTHONPATH=tests python -m bench.bench_terminal [--rounds N] [--docs DIRECTORY]
"""

import argparse
import ctypes
import gc
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench.terminal_figures import KINDS, Figures, draw, markdown, table
from bench.terminal_peers import OURS, PEERS, Load, Peer

REQUIRED = {"mix": 3.0, "paste": 40.0}  # times the fastest peer
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_memory() -> None:
    """Have glibc give no memory back. Other allocators go their own way."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the most it takes


def seconds(peer: Peer, load: Load) -> float:
    """Return the CPU time for a load: what is decoded is counted, and dropped."""
    decode = peer.make()
    events = 0
    gc.collect()
    begin = time.process_time()
    for read in load.reads:
        events += len(decode(read))
    took = time.process_time() - begin
    if events < load.sequences:
        raise SystemExit(f"{peer.name}: {events} events of {load.sequences} sequences")
    return took


def check(peer: Peer, loads: dict[str, Load]) -> None:
    """Decode all once, uncounted, and look at what comes out."""
    decode = peer.make()
    events = sum(len(decode(read)) for read in loads["mix"].reads)
    if events != loads["mix"].sequences:
        raise SystemExit(
            f"{peer.name}: {events} events of {loads['mix'].sequences} sequences"
        )
    decode = peer.make()
    paste: list[Any] = []
    for read in loads["paste"].reads:
        paste += decode(read)
    if peer.pasted(paste) != peer.paste:
        raise SystemExit(f"{peer.name}: {peer.pasted(paste)} of {peer.paste} pasted")


def one_round(kind: str, loads: dict[str, dict[str, Load]], turn: int) -> Figures:
    """Time all of them; return the amount in a second, for each name."""
    rates: Figures = {}
    ours = []
    turn %= len(PEERS)
    for peer in PEERS[turn:] + PEERS[:turn]:
        load = loads[peer.name][kind]
        rates[peer.name] = load.amount / seconds(peer, load)
        ours.append(seconds(OURS, loads[OURS.name][kind]))
    rates[OURS.name] = loads[OURS.name][kind].amount / statistics.fmean(ours)
    return rates


def main() -> None:
    """Print a table; write it, and a plot, for the documentation; tell what does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--docs", type=Path, help="where a table and a plot are written"
    )
    options = parser.parse_args()
    keep_memory()
    loads = {peer.name: peer.loads() for peer in (OURS, *PEERS)}
    for peer in (OURS, *PEERS):
        check(peer, loads[peer.name])
    rounds = {
        kind: [one_round(kind, loads, turn) for turn in range(options.rounds)]
        for kind in KINDS
    }
    result = table(OURS, PEERS, rounds)
    print(result.text())
    if options.docs:
        options.docs.mkdir(exist_ok=True)
        (options.docs / "bench-terminal.md").write_text(
            markdown(result, options.rounds)
        )
        draw(result, options.docs / "bench-terminal.svg")
    missed = [kind for kind in KINDS if result.times_fastest[kind] < REQUIRED[kind]]
    for kind in KINDS:
        holds = "does NOT hold" if kind in missed else "holds"
        print(f"{kind}: at least {REQUIRED[kind]:g} times the fastest peer {holds}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
