"""File watchers: CPU time of an event, bursts, and the set-up of a tree, in one run.

The rules:

- Each library watches in a process of its own, which reads its own clocks: user and system
  time of all its threads, from when it began to watch. Its imports are not counted.
- The writer is another process: it creates files, closes them and deletes them. All
  libraries make one call of each event, and none is asked for more than that files were
  created and deleted; evdispatch and watchfiles can't be told so, and read more records.
- "flow" is in batches, the next one when all of the last was delivered, so nobody loses
  any. "burst" is all at full speed: what the kernel's queue of 16,384 can't hold is lost.
- A round runs all libraries, each time another one first. It gives one ratio for each; the
  median of the ratios is what holds on a machine that others use too.
- All is in memory, where there is /dev/shm: no disk bounds the writer.

    PYTHONPATH=tests python -m bench.bench_watch [--rounds N] [--quick] [--long]
        [--json FILE] [--docs DIRECTORY]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
from bench.watch_figures import Figures, Result, Round, Sizes, draw
from bench.watch_peers import PEERS, Peer

TIMEOUT: Final = 60.0  # seconds, for one library
MEMORY: Final = Path("/dev/shm")
LONG: Final = 100_000  # directories
BELOW: Final = 99  # directories in each of the upper ones

C_WRITER: Final = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)  /* directory, batches, files of each */
{
    char name[32], go;
    int batches = atoi(argv[2]), files = atoi(argv[3]), number = 0;
    if (chdir(argv[1]))
        return 1;
    while (batches-- && read(0, &go, 1) == 1)
        for (int i = 0; i < files; i++) {
            snprintf(name, sizeof name, "file%06d", number++);
            close(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600));
            unlink(name);
        }
    return 0;
}
"""
PYTHON_WRITER: Final = """
import os, sys
directory, batches, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.chdir(directory)
number = 0
while batches and os.read(0, 1):
    batches -= 1
    for _ in range(files):
        name = f"file{number:06}"
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(name)
        number += 1
"""


@attrs.frozen
class Bench:
    """Runs libraries below a directory, with files that a writer makes."""

    below: Path
    sizes: Sizes
    writer: list[str]

    def flow(self, peer: Peer) -> Result | None:
        result = self._events(peer, self.sizes.events // self.sizes.batch)
        lost = result is not None and result["delivered"] != self.sizes.events
        if lost:
            print(f"{peer.name} has lost events of a batch", file=sys.stderr)
        return None if lost else result

    def burst(self, peer: Peer) -> Result | None:
        return self._events(peer, 1)

    def _events(self, peer: Peer, batches: int) -> Result | None:
        events = self.sizes.events
        with tempfile.TemporaryDirectory(dir=self.below) as directory:
            amounts = directory, str(batches), str(events // 2 // batches)
            writer = [*self.writer, *amounts]
            told = watch(peer, directory, events, events // batches, *writer)
        if told is None:
            return None
        result: Result = told["events"]
        return result

    def setup(self, peer: Peer, tree: Path) -> Result | None:
        """Have a tree watched; all of it must be."""
        told = watch(peer, tree, 0, 0)
        if told is None:
            return None
        count = sum(1 for _ in os.walk(tree))
        if told["watches"] < count:
            raise SystemExit(f"{peer.name}: {told['watches']} watches of {count}")
        setup: Result = told["setup"]
        return setup | {"directories": count}

    def one_round(self, turn: int, tree: Path) -> Round:
        """Run all libraries; the order is another one each time."""
        turn %= len(PEERS)
        results: Round = {"flow": {}, "burst": {}, "setup": {}}
        for peer in PEERS[turn:] + PEERS[:turn]:
            results["flow"][peer.name] = self.flow(peer)
            results["burst"][peer.name] = self.burst(peer)
            results["setup"][peer.name] = self.setup(peer, tree)
        return results


def watch(peer: Peer, path: str | Path, *arguments: str | int) -> Result | None:
    """Run a library's process; None: it took too long."""
    command = [sys.executable, "-m", "bench.watch_peers", peer.name, path, *arguments]
    try:
        done = subprocess.run(
            [*map(str, command)],
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        print(f"{peer.name} took more than {TIMEOUT:.0f} s", file=sys.stderr)
        return None
    if done.returncode:
        raise SystemExit(f"{peer.name} failed:\n{done.stderr}")
    told: Result = json.loads(done.stdout)
    return told


def make_writer(below: Path) -> list[str]:
    """Compile the writer, or take the slower one in Python."""
    compiler = shutil.which("cc")
    if compiler is None:
        return [sys.executable, "-c", PYTHON_WRITER]
    source, program = below / "writer.c", below / "writer"
    source.write_text(C_WRITER)
    subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    return [str(program)]


def make_tree(root: Path, directories: int) -> Path:
    """Make so many directories below a root."""
    for number in range(directories // (BELOW + 1)):
        upper = root / f"directory{number}"
        upper.mkdir(parents=True)
        for lower in range(BELOW):
            (upper / f"below{lower}").mkdir()
    return root


def long_setup(bench: Bench) -> Iterator[tuple[str, Result | None]]:
    """Have a large tree watched, once by each library."""
    limit = Path("/proc/sys/fs/inotify/max_user_watches").read_text()
    if int(limit) <= LONG:
        print(f"no {LONG:,} directories: max_user_watches is {limit}", file=sys.stderr)
        return
    tree = make_tree(bench.below / "long", LONG)
    for peer in PEERS:
        yield peer.name, bench.setup(peer, tree)


def measure(bench: Bench, rounds: int, *, long: bool) -> Figures:
    """Run the rounds, and what is done once."""
    tree = make_tree(bench.below / "tree", bench.sizes.directories)
    figures = Figures(bench.sizes, PEERS)
    for turn in range(rounds):
        figures.rounds.append(bench.one_round(turn, tree))
        print(f"round {turn + 1} of {rounds}", flush=True)
    if long:
        figures.long = dict(long_setup(bench))
    return figures


def main() -> None:
    """Print tables; write them, a plot, and what was measured, where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few events, one round")
    parser.add_argument(
        "--long", action="store_true", help=f"a tree of {LONG:,} directories as well"
    )
    parser.add_argument("--json", type=Path, help="where all that was measured goes")
    parser.add_argument("--docs", type=Path, help="where tables and a plot are written")
    options = parser.parse_args()
    rounds, sizes = options.rounds, Sizes()
    if options.quick:
        rounds, sizes = 1, Sizes(events=8_000, directories=500)
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with (
        tempfile.TemporaryDirectory() as programs,  # memory may be mounted noexec
        tempfile.TemporaryDirectory(dir=memory) as below,
    ):
        bench = Bench(Path(below), sizes, make_writer(Path(programs)))
        figures = measure(bench, rounds, long=options.long)
    print(figures.text())
    if options.json:
        options.json.write_text(json.dumps(figures.data(), indent=1) + "\n")
    if options.docs:
        options.docs.mkdir(exist_ok=True)
        (options.docs / "bench-watch.md").write_text(figures.text())
        draw(figures, options.docs / "bench-watch.svg")


if __name__ == "__main__":
    main()
