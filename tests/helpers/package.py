"""The checkout and the package: its folders and its public modules."""

from pathlib import Path

import evdispatch
import evdispatch.terminal
import evdispatch.testing

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DEMOS = ROOT / "demos"

PUBLIC_MODULES = (evdispatch, evdispatch.terminal, evdispatch.testing)
