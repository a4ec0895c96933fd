"""The environment of a child that coverage does not trace."""

import os

# For a child that a tracer disturbs, or that may not write where its figures belong.
UNTRACED = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
