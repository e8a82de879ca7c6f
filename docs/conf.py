"""The configuration of Sphinx for the documentation of ftpx."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parent), str(_HERE / "_ext")]

import ftpx  # noqa: E402 - the path comes first

project = "ftpx"
author = "ftpx contributors"
project_copyright = f"2026, {author}"
release = version = ftpx.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "ftpx_reference"]
exclude_patterns = ["_build", "_ext", "examples"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

# Names between single backticks in docstrings are code; the reference links what it documents.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"

# "--option" is no dash.
smartquotes = False

html_theme = "furo"
html_title = f"ftpx {release}"
