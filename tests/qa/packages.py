"""
Packages as people install them: wheels, in a virtual environment of their own.

No network is needed. ftpx and what is built on it are built from the sources here and installed; the libraries that
they need are those of the tests, where ftpx itself is not installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.qa.sources import PROJECT

__all__ = ["EXAMPLE", "add_programs", "install", "installed", "installing", "libraries", "run", "wheel"]

EXAMPLE = PROJECT / "docs/examples/ftpx-sqlite"

_SECONDS = 120
# All that a wheel of ftpx is made of.
_SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "ftpx", "twisted")
_WITHOUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "dropin.cache", "build")


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command that must succeed; what it prints."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert result.returncode == 0, f"{command}\nexit status {result.returncode}\n{result.stdout}"
    return result.stdout


def libraries() -> str:
    """Where the libraries of the tests are, as a ``PYTHONPATH``."""
    paths = sysconfig.get_paths()
    return os.pathsep.join(dict.fromkeys([paths["purelib"], paths["platlib"]]))


def installing() -> dict[str, str]:
    """Variables for pip: it takes ftpx from its wheel and nothing from elsewhere."""
    return {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheel(PROJECT).parent),
        # It is the option --no-build-isolation, and so it is false that switches isolation off.
        "PIP_NO_BUILD_ISOLATION": "false",
        "PIP_NO_INDEX": "1",
    }


def installed(home: Path) -> dict[str, str]:
    """The variables of a process that installs packages and runs what is installed, but nothing from the sources."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "COV_"))}
    return {**kept, **installing(), "HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONPATH": libraries(), "TZ": "UTC"}


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that is removed when the tests end."""
    return tempfile.TemporaryDirectory(prefix="ftpx-wheels-")


@cache
def wheel(project: Path) -> Path:
    """The wheel of ftpx, or of an example, built from a copy of its sources: to build leaves things behind."""
    sources = Path(_scratch().name, "sources", project.name)
    if project == PROJECT:
        sources.mkdir(parents=True)
        for name in _SOURCES:
            if (project / name).is_dir():
                shutil.copytree(project / name, sources / name, ignore=_WITHOUT)
            else:
                shutil.copy(project / name, sources)
    else:
        shutil.copytree(project, sources, ignore=_WITHOUT)
    made = Path(_scratch().name, "wheels", project.name)
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(made))
    run([sys.executable, "-m", "pip", "wheel", *options, str(sources)], sources, os.environ)
    (found,) = made.glob("*.whl")
    return found


def install(environment: Mapping[str, str], folder: Path, *wheels: Path) -> Path:
    """Make a virtual environment with some wheels in it; its folder of programs."""
    run([sys.executable, "-m", "venv", "--without-pip", folder], PROJECT, environment)
    python = folder / "bin/python"
    run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *wheels], folder, environment)
    add_programs(folder / "bin", str(python))
    return folder / "bin"


def add_programs(folder: Path, python: str) -> None:
    """Put Twisted's programs into a folder, to be run by a Python: to have its library does not bring them."""
    for name in ("trial", "twist", "twistd"):
        program = (Path(sys.executable).parent / name).read_text(encoding="utf-8").partition("\n")[2]
        (folder / name).write_text(f"#!{python}\n{program}", encoding="utf-8")
        (folder / name).chmod(0o755)
