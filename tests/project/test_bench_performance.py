"""The performance benchmarks: their workloads, failures, tables and claims."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
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
from bench.performance.families import Case, Family, Values, measure
from bench.performance.processes import OURS, Client, Server
from bench.performance.tables import tables

without_cc = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
ours = pytest.mark.parametrize("name", OURS)
clients = pytest.mark.parametrize(
    "plain", [pytest.param(False, marks=without_cc, id="C"), True]
)


# -- workloads ---------------------------------------------------------------------------


@ours
@clients
@pytest.mark.slow
def test_echo_bench_requests_of_any_size_are_answered(name: str, plain: bool) -> None:
    with Server("echo_servers", name) as server:
        for connections, size in ((1, 64), (70, 64), (2, 300_000)):
            with Client(server.port, connections, size, plain=plain) as client:
                before = server.cpu()
                assert client.run(0.01) >= connections
                assert server.cpu() > before


@ours
@pytest.mark.slow
def test_lines_bench_measures_cpu(name: str) -> None:
    assert lines.measure(0.01, name)[lines.CPU] > 0


# Ten thousand others take seconds to register.
@pytest.mark.parametrize(
    "case", [case for case, work in dispatch.CASES.items() if not work.others]
)
def test_dispatch_bench_measures_cpu(case: str) -> None:
    assert dispatch.measure("evdispatch", case, 0.001)[dispatch.CPU] > 0


@ours
def test_posts_bench_of_four_threads_handles_all_posts(name: str) -> None:
    calm = posts.Posters(5, pause=0.0001)
    posts.work(name, calm)
    assert calm.count == len(calm.late) == 4 * 5
    flood = posts.Posters(300)
    posts.work(name, flood)
    assert flood.count == 4 * 300


@ours
def test_timers_bench_fires_and_is_not_early(name: str) -> None:
    for case in (timers.ONESHOT, timers.EACH):
        assert timers.measure(case, name, 3)[timers.EARLIEST] >= 0
    assert timers.measure(timers.MANY, name, 100)[timers.CPU] > 0


@ours
def test_pipes_bench_reads_all_bytes(name: str) -> None:
    assert pipes.read(name, 1) > 0


@ours
@pytest.mark.slow
def test_firehose_bench_handles_keys_under_load(name: str) -> None:
    figures = firehose.measure("lines", 2, name)
    assert 0 < figures[firehose.MEDIAN] <= figures[firehose.WORST]


@ours
@pytest.mark.slow
def test_memory_bench_measures_idle_connections(name: str) -> None:
    figures = memory.measure(200, name)
    assert 0 < figures[memory.IDLE] < 20_000


@pytest.mark.slow
def test_imports_bench_measures_cpu() -> None:
    assert imports.measure(1, "evdispatch")[imports.CPU] > 0


# -- failures ----------------------------------------------------------------------------


@contextmanager
def serving(answer: bytes) -> Iterator[int]:
    """Serve one client, with the same answer to any request."""

    def serve() -> None:
        sock, _ = server.accept()
        with sock:
            while sock.recv(65_536):
                sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@clients
@pytest.mark.slow
def test_bench_client_wrong_answer_raises(plain: bool) -> None:
    with (
        serving(b"x" * 64) as port,
        pytest.raises(RuntimeError, match="has ended"),
        Client(port, 1, 64, plain=plain),
    ):
        pytest.fail("not noticed")


def test_lines_bench_lost_lines_raise() -> None:
    with (
        serving(b"999\n") as port,
        socket.create_connection(("127.0.0.1", port)) as sock,
        pytest.raises(RuntimeError, match="lost"),
    ):
        lines.send(sock, 1)


# -- rounds, tables and claims -----------------------------------------------------------


def test_measure_rounds_rotate_and_a_failure_leaves_the_others() -> None:
    order = []

    def one(name: str) -> Values:
        order.append(name)
        if len(order) == 2:
            raise OSError("this once")
        return {"us": len(order)}

    @contextmanager
    def prepare(_quick: bool) -> Iterator[list[Case]]:
        yield [Case("case", ("a thing", "asyncio"), one)]

    family = Family("name", "title", 2, "asyncio", prepare)
    results = measure(family, 3, quick=True)
    assert order == ["a thing", "asyncio", "asyncio", "a thing", "a thing", "asyncio"]
    assert results == {
        "case": {"us": {"a thing": [1.0, 4.0, 5.0], "asyncio": [None, 3.0, 6.0]}}
    }


def test_tables_ratios_are_taken_within_a_round_and_claims_by_the_median() -> None:
    shape = echo.title(*echo.SHAPES[0])
    column = {
        OURS[0]: [1.0, 40.0, 3.0],
        "uvloop, Protocol": [1.0, 20.0, 2.0],
        "asyncio, Protocol": [4.0, 80.0, None],
    }
    family = {"base": OURS[0], "absolute": [], "cases": {shape: {echo.CPU: column}}}
    table = tables(family)
    assert "|                     2 |      0.67 (0.50 to 1.00) |" in table
    claims = claims_table({"echo": family}).splitlines()
    uvloop, asyncio = (line.split("|")[4:7] for line in claims[2:])
    assert [cell.strip() for cell in uvloop] == ["1.50 (1.00 to 2.00)", "<= 1.1", "no"]
    assert [cell.strip() for cell in asyncio] == [
        "0.38 (0.25 to 0.50)",
        "<= 0.85",
        "yes",
    ]


def test_claims_timer_early_once_does_not_hold() -> None:
    def holds(values: list[float]) -> bool:
        cases = {timers.ONESHOT: {timers.EARLIEST: {OURS[0]: values}}}
        return claims_table({"timers": {"cases": cases}}).rstrip().endswith("yes |")

    assert holds([0.1, 5.0, 7.0])
    assert not holds([-0.1, 5.0, 7.0])


def test_echo_bench_shapes_have_titles_and_some_libraries_skip_them() -> None:
    names = [echo.title(*shape) for shape in echo.SHAPES]
    assert names[:3] == [
        "100 connections, 64 B",
        "1 connection, 64 B",
        "1 connection, 16 KB",
    ]
    assert not echo.takes_part("circuits", 10_000, 64)
    assert all(map(partial(echo.takes_part, OURS[0]), *zip(*echo.SHAPES, strict=True)))
