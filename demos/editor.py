"""Edit a note with your own editor: ``python demos/editor.py``; e starts it, q ends.

The terminal is the editor's for that long, and is taken again afterwards.
"""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from evdispatch import Dispatcher, Terminal


def main(note: Path) -> None:
    """Run until q."""
    app = Dispatcher()
    terminal = app.add(Terminal())

    @app.on("start")
    @app.on("resume")
    def tell() -> None:
        size = note.stat().st_size
        print(f"The note has {size} bytes. e: edit it, q: quit")

    @app.on("key", key="e")
    def edit() -> None:
        if not terminal.is_tty:
            print("An editor needs a terminal: start this without a pipe.")
            return
        editor = shlex.split(os.environ.get("EDITOR", "vi"))
        with terminal.released():
            subprocess.run([*editor, note], check=False)  # noqa: S603 (the user's own)

    app.on("key", key="q")(app.stop)
    with app:
        app.run()


if __name__ == "__main__":
    with tempfile.NamedTemporaryFile(prefix="note-", suffix=".txt") as file:
        main(Path(file.name))
