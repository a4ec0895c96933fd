"""`Inotify`: its records, and its errors."""

import errno
import os
import struct
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from evdispatch.sources.files import _inotify
from evdispatch.sources.files._inotify import (
    IN_CREATE,
    IN_DELETE,
    IN_IGNORED,
    IN_ISDIR,
    IN_ONLYDIR,
    Inotify,
    decode,
)


@pytest.fixture
def inotify() -> Iterator[Inotify]:
    instance = Inotify()
    yield instance
    instance.close()


def queued(inotify: Inotify) -> bool:
    return inotify.has_more


def packed(wd: int, mask: int, cookie: int, name: bytes, padding: int) -> bytes:
    size = len(name) + padding
    return struct.pack("iIII", wd, mask, cookie, size) + name + b"\0" * padding


def test_inotify_changes_are_read_as_records(inotify: Inotify, tmp_path: Path) -> None:
    wd = inotify.watch(str(tmp_path), IN_CREATE | IN_DELETE)
    assert inotify.read() == []  # and does not block
    assert not queued(inotify)
    (tmp_path / "a").touch()
    (tmp_path / "d").mkdir()
    assert queued(inotify)
    (tmp_path / "a").unlink()
    assert inotify.read() == [
        (wd, IN_CREATE, 0, "a"),
        (wd, IN_CREATE | IN_ISDIR, 0, "d"),
        (wd, IN_DELETE, 0, "a"),
    ]
    assert not queued(inotify)
    inotify.unwatch(wd)
    assert inotify.read() == [(wd, IN_IGNORED, 0, "")]
    inotify.unwatch(wd)  # it has ended already
    assert inotify.read() == []


def test_decode_names_of_all_lengths_gives_records() -> None:
    names = [b"", b"a", b"\xff\n", b"x" * 255]
    data = b"".join(
        packed(number, IN_CREATE, number, name, padding)
        for number, name in enumerate(names)
        for padding in (1, 2, 15)
        if name or padding
    )
    assert [record[3] for record in decode(data)] == [
        os.fsdecode(name) for name in names for _ in range(3)
    ]
    assert decode(packed(-1, _inotify.IN_Q_OVERFLOW, 0, b"", 0)) == [
        (-1, _inotify.IN_Q_OVERFLOW, 0, "")
    ]
    assert decode(b"") == []


def test_inotify_second_watch_of_an_inode_keeps_the_first_mask(
    inotify: Inotify, tmp_path: Path
) -> None:
    wd = inotify.watch(str(tmp_path), IN_CREATE)
    assert inotify.watch(f"{tmp_path}/.", IN_DELETE) == wd
    (tmp_path / "a").touch()
    (tmp_path / "a").unlink()
    assert [record[1] for record in inotify.read()] == [IN_CREATE, IN_DELETE]


@pytest.mark.parametrize(
    ("name", "number"),
    [("none", errno.ENOENT), ("file", errno.ENOTDIR), ("file/x", errno.ENOTDIR)],
)
def test_inotify_path_that_cannot_be_watched_raises_os_error(
    inotify: Inotify, tmp_path: Path, name: str, number: int
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=name) as caught:
        inotify.watch(f"{tmp_path}/{name}", IN_CREATE | IN_ONLYDIR)
    assert caught.value.errno == number
    assert caught.value.filename == f"{tmp_path}/{name}"


def test_inotify_limit_reached_names_the_limit_and_its_value() -> None:
    with open("/proc/sys/fs/inotify/max_user_watches") as file:
        watches = file.read().strip()
    error = _inotify._watch_error(errno.ENOSPC, "/a")
    assert f"fs.inotify.max_user_watches is {watches}" in str(error)
    assert (error.errno, error.filename) == (errno.ENOSPC, "/a")
    error = _inotify._instance_error(errno.EMFILE)
    assert "fs.inotify.max_user_instances is" in str(error)
    assert "files may be open" in str(error)
    assert _inotify._instance_error(errno.ENOMEM).errno == errno.ENOMEM


def test_inotify_closed_twice_closes_once(tmp_path: Path) -> None:
    instance = Inotify()
    fd = instance.fileno()
    assert not os.get_inheritable(fd)
    assert not os.get_blocking(fd)
    instance.close()
    again = os.open(tmp_path, os.O_RDONLY)
    try:
        assert again == fd
        instance.close()  # the number is that of another file now
        os.fstat(again)
    finally:
        os.close(again)
    assert instance.fileno() == -1


def test_pyinotify_imported_keeps_an_own_asyncore_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = types.ModuleType("asyncore")
    monkeypatch.setitem(sys.modules, "asyncore", own)
    assert _inotify._import_pyinotify() is sys.modules["pyinotify"]  # there already
    monkeypatch.delitem(sys.modules, "pyinotify")
    again = _inotify._import_pyinotify()
    assert again.IN_CREATE == IN_CREATE
    assert sys.modules["asyncore"] is own
    assert all(
        type(handler).__name__ == "NullHandler" for handler in again.log.handlers
    )
