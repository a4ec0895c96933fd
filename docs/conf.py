import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from key_names import key_table  # from this folder

# The pages include what is made of the code's own tables.
_made = Path(__file__).with_name("_build")
_made.mkdir(exist_ok=True)
(_made / "key-names.md").write_text(key_table(), "utf-8")

project = "evdispatch"
author = "The evdispatch developers"
copyright = "2026, The evdispatch developers"  # noqa: A001 (the name Sphinx reads)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "evdispatch"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_class_signature = "mixed"
# `name` in a docstring is code: what can be linked is linked by the index.
default_role = "code"
exclude_patterns = ["_build", "_static"]  # in _static are parts of pages
nitpicky = False
