r"""What your terminal sends, as events: keys, mouse, paste, focus, size.

Run it with ``make demo``. On a terminal it fills the screen; from a pipe it prints one
line an event: ``printf 'a\033[A' | python demos/terminal_input.py``. Arguments are those
of ``evdispatch keys``, for instance ``--plain`` (see ``--help``).

The program itself is `evdispatch.cli`: `_view` has the handlers, `_screen` the picture.
"""

import sys

from evdispatch.cli import main

if __name__ == "__main__":
    sys.exit(main(["keys", *sys.argv[1:]]))
