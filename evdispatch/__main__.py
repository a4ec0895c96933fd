"""``python -m evdispatch``: the same as the command ``evdispatch``."""

import sys

from evdispatch.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
