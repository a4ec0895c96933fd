"""Watch: each way of saving makes one `closed`, or one atomic `modified`."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.trees import Watched, fill
from helpers.waiting import PATIENCE

Save = Callable[[Path], None]


def truncate_and_write(path: Path) -> None:
    path.write_text("new")


def write_and_rename(path: Path) -> None:
    fill(path.parent, "cfg.tmp~")
    os.rename(path.parent / "cfg.tmp~", path)


def backup_and_write(path: Path) -> None:
    os.rename(path, path.parent / "cfg~")
    path.write_text("new")
    (path.parent / "cfg~").unlink()


def keep_backup_and_write(path: Path) -> None:
    os.rename(path, path.parent / "cfg.bak")
    path.write_text("new")


def link_backup_and_rename(path: Path) -> None:
    """Save as emacs may: a hard link keeps the old content, and the new one is renamed."""
    backup = path.parent / "cfg~"
    backup.unlink(missing_ok=True)
    backup.hardlink_to(path)
    write_and_rename(path)


def delete_and_write(path: Path) -> None:
    path.unlink()
    path.write_text("new")


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def vim(*options: str) -> Save:
    def save(path: Path) -> None:
        if shutil.which("vim") is None:
            pytest.skip("no vim here")
        commands = [part for option in options for part in ("--cmd", f"set {option}")]
        subprocess.run(
            [
                "vim",
                "-u",
                "NONE",
                "-es",
                *commands,
                "-c",
                "normal Ax",
                "-c",
                "wq",
                path,
            ],
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE,
        )

    return save


def sed(path: Path) -> None:
    subprocess.run(["sed", "-i", "s/e/f/", path], check=True, timeout=PATIENCE)


SAVES: dict[str, tuple[Save, str]] = {
    "truncate and write": (truncate_and_write, "closed"),
    "append": (append, "closed"),
    "write and rename": (write_and_rename, "atomic"),
    "backup and write": (backup_and_write, "closed"),
    "keep the backup": (keep_backup_and_write, "closed"),
    "backup by a link": (link_backup_and_rename, "atomic"),
    "delete and write": (delete_and_write, "closed"),
    "vim": (vim(), "closed"),
    "vim with a backup by renaming": (vim("backupcopy=no", "writebackup"), "closed"),
    "vim with a backup by copying": (vim("backupcopy=yes", "writebackup"), "closed"),
    "vim that keeps its backup": (vim("backup"), "closed"),
    "sed -i": (sed, "atomic"),
}


@pytest.mark.parametrize("name", SAVES)
@pytest.mark.parametrize("only", [True, False], ids=["file", "directory"])
def test_save_by_any_editor_is_reported_once(
    watching: Callable[..., Watched], tmp_path: Path, name: str, *, only: bool
) -> None:
    save, kind = SAVES[name]
    path = tmp_path / "root/cfg"
    fill(path.parent, "cfg")
    watched = watching("cfg" if only else "")
    watched.rest()
    for _ in range(2):
        watched.events.clear()
        save(path)
        watched.rest()
        reported = [
            "atomic" if getattr(event, "atomic", False) else event.name
            for event in watched.events
            if event.path == str(path)
        ]
        assert [each for each in reported if each in ("closed", "atomic")] == [kind]
        assert watched.watch.snapshot() >= {str(path)}


@pytest.mark.parametrize("name", SAVES)
def test_save_debounced_is_one_modified(
    watching: Callable[..., Watched], tmp_path: Path, name: str
) -> None:
    save, _ = SAVES[name]
    path = tmp_path / "root/cfg"
    fill(path.parent, "cfg")
    watched = watching(debounce=0.2)
    watched.rest()
    watched.events.clear()
    save(path)
    watched.rest()
    reported = [event.name for event in watched.events if event.path == str(path)]
    assert reported == ["modified"]
