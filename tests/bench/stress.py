"""Long runs that no gate has the time for. Each is bounded, and prints what it did.

    make stress ARGS="[--minutes N] [--seed N] [name ...]"

- ``posts``: threads post through a small queue; all arrive, in order per thread.
- ``pipes``: numbered lines over many pipes, with handlers that are slow now and then,
  sources that come and go, and timers; all arrive, in order per pipe, and the balance of
  every source holds.
- ``decoder``: random streams, cut at random places; the events do not depend on the cuts,
  nothing raises, and nothing stays pending after a flush.
- ``interrupts``: a ctrl+c before each line of ours that a small program runs, and storms
  of them while it works hard; nothing is lost, and nothing is left.
- ``standby``: the two threads of ``io="auto"`` hand the poller to and fro 10,000 times, under
  load; nothing is lost, out of order, or left to wait.
- ``chaos``: connections to which anything happens; all is told in order, nothing hangs.
- ``files``: storms over watched trees; in the end all is known exactly, and was told.
- ``connections``: a million that come, are answered, and go, on each poller; memory,
  descriptors and tables stay flat.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import attrs
from bench.stress_chaos import chaos
from bench.stress_files import files
from bench.stress_sockets import connections
from bench.stress_standby import standby

from evdispatch import Dispatcher, Event, Line, Pipe
from evdispatch._io._modes import IoMode
from evdispatch.terminal import Decoder

_TESTS = Path(__file__).parent.parent
_LONG = 1000  # bytes: a longer vector would take the time of many streams

MODES: tuple[IoMode, ...] = get_args(IoMode)


@attrs.define(eq=False)
class Numbered(Event):
    """A post: which thread's, and its number."""

    thread: int
    number: int


def posts(until: float, rng: random.Random) -> str:
    """Post from four threads through a queue of 100."""
    total = 0
    while time.monotonic() < until:
        io = rng.choice(MODES)
        with Dispatcher(io=io, queue_size=100) as app:
            got: list[list[int]] = [[] for _ in range(4)]
            count = 25_000

            @app.on(Numbered)
            def take(event: Numbered, got: list[list[int]] = got) -> None:
                got[event.thread].append(event.number)

            def send(thread: int, app: Dispatcher = app, count: int = count) -> None:
                for number in range(count):
                    app.post(Numbered(thread, number))

            threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            while sum(map(len, got)) < 4 * count:
                app.step(1)
            for thread in threads:
                thread.join()
            assert got == [list(range(count))] * 4
            assert app.stats().balanced
        total += 4 * count
    return f"{total:,} posts in order"


def _feed(writes: list[int], rng: random.Random, lines: int) -> None:
    """Write numbered lines to all pipes, in pieces that end anywhere."""
    rest = {write: [b"%d\n" % number for number in range(lines)] for write in writes}
    while rest:
        write = rng.choice(list(rest))
        take = rng.randint(1, 50)
        chunk = b"".join(rest[write][:take])
        del rest[write][:take]
        cut = rng.randint(0, len(chunk))
        os.write(write, chunk[:cut])
        os.write(write, chunk[cut:])
        if not rest[write]:
            del rest[write]
            os.close(write)


def pipes(until: float, rng: random.Random) -> str:
    """Lines over twenty pipes, through queues of every size."""
    total = 0
    while time.monotonic() < until:
        io, size = rng.choice(MODES), rng.choice((1, 7, 100, 10_000))
        count = 1_000
        with Dispatcher(io=io, queue_size=size) as app:
            got: dict[Pipe, list[int]] = {}
            ends: list[object] = []
            writes = []
            for _ in range(20):
                read, write = os.pipe()
                os.set_blocking(write, True)
                writes.append(write)
                got[app.add(Pipe(read, framing="lines"))] = []

            @app.on(Line)
            def take(event: Line, got: dict[Pipe, list[int]] = got) -> None:
                got[event.source].append(int(event.data))
                if rng.random() < 0.0005:
                    time.sleep(0.01)

            app.on("eof")(ends.append)
            app.every(0.003, lambda: None)
            writer = threading.Thread(target=_feed, args=(writes, rng, count))
            writer.start()
            while len(ends) < len(got):
                app.step(1)
            writer.join()
            for source, numbers in got.items():
                assert numbers == list(range(count)), source
                assert source.counts.read == source.counts.handled, source.counts
            assert app.stats().balanced
        total += 20 * count
    return f"{total:,} lines in order"


_PIECES = (
    *(b"\x1b", b"[", b"O", b"]", b"P", b"_", b"<", b";", b":", b"1", b"99", b"M", b"m"),
    *(
        b"~",
        b"u",
        b"A",
        b"200~",
        b"201~",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x07",
        b"\x1b\\",
    ),
    *(
        b"\x00",
        b"\x18",
        b"\x7f",
        b"\x80",
        b"\x9b",
        b"\xc3",
        b"\xa9",
        b"\xf0\x9f\x98\x80",
    ),
    *(b"a", b" ", b"$", b"\xff", b"\x1b[<0;5;3M", b"\x1b[M !!", b"\x1b[97:65;2:3;65u"),
)


def _describe(events: list[Event]) -> list[str]:
    return [f"{event!r} {getattr(event, 'raw', b'')!r}" for event in events]


def _stream(rng: random.Random, vectors: list[bytes]) -> bytes:
    """Pieces of sequences, test vectors, and a byte that was changed, or left out."""
    pieces = rng.choices(_PIECES, k=rng.randint(1, 30))
    pieces += rng.choices(vectors, k=rng.randint(0, 3))
    rng.shuffle(pieces)
    data = bytearray(b"".join(pieces))
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(len(data) + 1)
        data[at : at + 1] = rng.choice((b"", b"\x1b", bytes([rng.randrange(256)])))
    return bytes(data)


def decoder(until: float, rng: random.Random) -> str:
    """Random streams against the decoder."""
    lines = (_TESTS / "terminal" / "vectors.jsonl").read_text("utf-8").splitlines()
    vectors = [bytes.fromhex(json.loads(line)["hex"]) for line in lines]
    vectors = [vector for vector in vectors if len(vector) < _LONG]
    streams = 0
    while time.monotonic() < until:
        data = _stream(rng, vectors)
        whole = Decoder()
        expected = whole.feed(data) + whole.flush()
        assert whole.pending is None
        cut = Decoder()
        events: list[Event] = []
        start = 0
        while start < len(data):
            end = start + rng.randint(1, 4)
            events += cut.feed(data[start:end])
            start = end
        events += cut.flush()
        assert _describe(events) == _describe(expected), data
        streams += 1
    return f"{streams:,} streams, whole and cut"


def interrupts(until: float, rng: random.Random) -> str:
    """Ctrl+c at every line, then at random; in processes of their own."""
    runs = 0
    for io in MODES:
        subprocess.run(
            [sys.executable, _TESTS / "helpers/every_line.py", io, "1"], check=True
        )
    while time.monotonic() < until:
        storm = [sys.executable, str(_TESTS / "helpers/storm.py"), rng.choice(MODES)]
        subprocess.run(storm, check=True)
        runs += 1
    return f"every line, and {runs} storms"


RUNS: dict[str, tuple[int, Callable[[float, random.Random], str]]] = {
    "posts": (1, posts),  # a share of the time, and what to run
    "pipes": (1, pipes),
    "decoder": (3, decoder),
    "interrupts": (1, interrupts),
    "standby": (1, standby),  # 10,000 times, whatever time that takes
    "chaos": (1, chaos),
    "files": (1, files),
    "connections": (1, connections),  # a million, whatever time that takes
}


def main() -> None:
    """Run what was asked for, each for its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*RUNS, []], metavar="name")
    parser.add_argument("--minutes", type=float, default=20.0, help="in all")
    parser.add_argument("--seed", type=int, default=time.monotonic_ns())
    options = parser.parse_args()
    names = options.names or list(RUNS)
    print(f"seed {options.seed}")
    shares = sum(RUNS[name][0] for name in names)
    for name in names:
        share, run = RUNS[name]
        until = time.monotonic() + options.minutes * 60 * share / shares
        print(f"{name}: {run(until, random.Random(options.seed))}", flush=True)


if __name__ == "__main__":
    main()
