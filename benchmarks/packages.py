"""
Servers from Debian, unpacked beside each other.

They conflict as installed packages. So their packages are only downloaded and unpacked
into a cache folder, each into a folder of its own, and the shared libraries that they
miss into one more. Nothing is installed and no package script runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import attrs

__all__ = ["Packages", "UnavailableError"]

_FETCH_SECONDS = 300
_DEPTH = 5


class UnavailableError(Exception):
    """A peer cannot be had on this machine; the text says why."""


@attrs.frozen
class Packages:
    """A cache folder of unpacked packages."""

    cache: Path

    def program(self, package: str, path: str) -> Path:
        """A program of a Debian package, with the libraries that it needs; `UnavailableError` if that fails."""
        program = self._unpacked(package, package) / path
        if not program.exists():
            raise UnavailableError(f"{package} has no {path}")
        self._complete(package, program)
        return program

    def environment(self) -> dict[str, str]:
        """Where a program finds the libraries that are not installed."""
        folders = sorted({str(path.parent) for path in self._libraries()})
        return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}

    def version(self, package: str) -> str:
        """The version of a distribution or a downloaded Debian package, without Debian's own suffix."""
        found = [item.version for item in distributions(name=package, path=[*sys.path, str(self._python(package))])]
        if found:
            return found[0]
        archives = sorted((self.cache / "debs").glob(f"{package}_*.deb"))
        text = _output("dpkg-deb", "-f", str(archives[-1]), "Version") if archives else ""
        return re.split(r"[-+]", text.strip())[0]

    def python(self, name: str) -> Path | None:
        """The folder to import a distribution from; none where this interpreter has it already."""
        if find_spec(name) is not None:
            return None
        target = self._python(name)
        if not target.exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), name]
            if subprocess.run(command, timeout=_FETCH_SECONDS, check=False).returncode:
                shutil.rmtree(target, ignore_errors=True)
                raise UnavailableError(f"pip cannot install {name}")
        return target

    def _python(self, name: str) -> Path:
        return self.cache / f"python-{name}"

    def _unpacked(self, package: str, folder: str) -> Path:
        target = self.cache / folder
        debs = self.cache / "debs"
        if not list(debs.glob(f"{package}_*.deb")):
            _need("apt-get", "dpkg-deb")
            debs.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.cache) as fresh:
                _output("apt-get", "-o", "APT::Sandbox::User=", "download", package, folder=fresh)
                archives = sorted(Path(fresh).glob("*.deb"))
                if not archives:
                    raise UnavailableError(f"apt-get cannot download {package} (has 'apt-get update' been run?)")
                _output("dpkg-deb", "-x", str(archives[0]), str(target))
                archives[0].rename(debs / archives[0].name)
        return target

    def _complete(self, package: str, program: Path) -> None:
        wanted = [package]
        for _ in range(_DEPTH):
            if not self._missing(program):
                return
            wanted = [name for parent in wanted for name in self._absent_libraries(parent)]
            for name in wanted:
                self._unpacked(name, "libraries")
        raise UnavailableError(f"{program.name} misses {', '.join(self._missing(program))}")

    def _missing(self, program: Path) -> list[str]:
        text = _output("ldd", str(program), more=self.environment())
        return sorted({line.split()[0] for line in text.splitlines() if "not found" in line})

    def _absent_libraries(self, package: str) -> list[str]:
        archives = sorted((self.cache / "debs").glob(f"{package}_*.deb"))
        depends = _output("dpkg-deb", "-f", str(archives[-1]), "Depends") if archives else ""
        names = [re.split(r"[ :(|]", item.strip())[0] for item in depends.split(",")]
        return [name for name in names if name.startswith("lib") and not _installed(name)]

    def _libraries(self) -> list[Path]:
        return list((self.cache / "libraries").glob("**/*.so*"))


def _installed(package: str) -> bool:
    return "install ok installed" in _output("dpkg-query", "-W", "-f", "${Status}", package)


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} is not on this machine")


def _output(*command: str, folder: str | None = None, more: dict[str, str] | None = None) -> str:
    _need(command[0])
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(more or {}), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=_FETCH_SECONDS,
        check=False,
    )
    return result.stdout
