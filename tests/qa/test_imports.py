"""Who may import whom. The table below is the architecture; `docs/design.md` explains it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.qa.sources import Import, Source, sources

_CONTRACTS = frozenset({"errors", "interfaces"})
_BASE = _CONTRACTS | {"wire"}
_ROOMS = frozenset({"data", "digests", "storage", "accounts"})

# Room -> the other rooms that it may import. data, digests, storage and accounts meet only in interfaces.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "": frozenset(),
    "errors": frozenset(),
    "interfaces": frozenset({"errors"}),
    "wire": _CONTRACTS,
    "running": frozenset(),
    "buffer": frozenset(),
    "pacing": _CONTRACTS,
    "reloading": _CONTRACTS,
    "plugins": _CONTRACTS,
    "tls": _BASE | {"reloading"},
    "data": _BASE | {"tls", "buffer"},
    "digests": _BASE | {"buffer"},
    "storage": _BASE | {"running", "pacing", "plugins"},
    "accounts": _BASE | {"running", "pacing"},
    "ops": _BASE | {"plugins"},
    "server": _BASE | _ROOMS | {"running", "reloading", "tls", "ops"},
    "config": _BASE | _ROOMS | {"server", "tls"},
    "signals": frozenset(),
    "lifetime": _CONTRACTS | {"server"},
    "homes": _BASE | {"storage", "accounts"},
    "user_base": _BASE | {"storage", "accounts", "homes", "lifetime"},
    "service": _BASE | _ROOMS | {"reloading", "tls", "server", "config", "ops", "lifetime", "user_base"},
    "cli": _BASE | {"accounts"},
    "tap": _BASE | _ROOMS | {"tls", "ops", "server", "config", "service", "signals"},
}
# It may import everything, and nothing imports it.
_TESTING = "testing"

# wire turns bytes into values and back, whoever holds the bytes and whatever the time is.
_NOT_IN_WIRE = frozenset(
    {"asyncio", "io", "os", "pathlib", "random", "select", "socket", "threading", "time", "twisted"}
)
_VAGUE = re.compile(r"handler|manager|util|helper|engine|processor", re.IGNORECASE)


def _room(module: str) -> str:
    """The room of a module of ftpx: ``ftpx.wire.lines`` is in ``wire``, ``ftpx`` itself in none."""
    return [*module.split("."), ""][1]


def _ftpx_rooms(found: Import) -> set[str]:
    """The rooms of ftpx that an import enters."""
    if found.module == "ftpx" and found.name is not None:
        return set() if found.name.startswith("__") else {found.name}
    if found.module.split(".")[0] == "ftpx":
        return {_room(found.module)}
    return set()


def _takes_reactor(found: Import) -> bool:
    """Whether an import takes the global reactor, or something that takes it by itself."""
    return (found.module, found.name) in {
        ("twisted.internet", "reactor"),
        ("twisted.internet.threads", "deferToThread"),
    } or found.module == "twisted.internet.reactor"


def _sleeps(source: Source) -> Iterator[int]:
    """The lines where a module calls ``time.sleep``, or imports ``sleep``."""
    for found in source.imports():
        if (found.module, found.name) == ("time", "sleep"):
            yield found.line
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="time"), attr="sleep"):
                yield node.lineno


def _says_what_is_public(source: Source) -> bool:
    """Whether a module has an ``__all__``, or nothing but a docstring."""
    for node in source.tree.body[1:]:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AnnAssign(target=ast.Name(id="__all__")):
                return True
    return not source.tree.body[1:]


class DirectionTests(SynchronousTestCase):
    """Imports go one way."""

    def test_every_room_has_a_row(self) -> None:
        """A new room says in the table above what it may import."""
        rooms = {_room(source.module) for source in sources("ftpx")}
        self.assertEqual(rooms - MAY_IMPORT.keys() - {_TESTING}, set())

    def test_direction(self) -> None:
        """A module imports its own room and those that the table allows, and nothing else of ftpx."""
        wrong = [
            f"{source.path}:{found.line}: {source.module} imports ftpx.{room}"
            for source in sources("ftpx")
            if _room(source.module) != _TESTING
            for found in source.imports()
            for room in _ftpx_rooms(found) - {_room(source.module)} - MAY_IMPORT[_room(source.module)]
        ]
        self.assertEqual(wrong, [])

    def test_no_room_imports_its_users(self) -> None:
        """The table itself has no cycle: whoever may import a room may not be imported by it."""
        for room, allowed in MAY_IMPORT.items():
            for other in allowed:
                self.assertNotIn(room, MAY_IMPORT[other], f"{room} and {other} may import each other")

    def test_no_relative_imports(self) -> None:
        """Every import says the whole name of what it imports."""
        wrong = [
            f"{source.path}:{found.line}" for source in sources("ftpx") for found in source.imports() if found.level
        ]
        self.assertEqual(wrong, [])

    def test_plugin_file_imports_nothing_of_ftpx(self) -> None:
        """Twisted imports every plugin file there is, so ours is a description and no more."""
        for source in sources("twisted"):
            self.assertEqual([found for found in source.imports() if _ftpx_rooms(found)], [])


class PurityTests(SynchronousTestCase):
    """What some rooms must not touch."""

    def test_wire_is_pure(self) -> None:
        """wire has no reactor, no operating system and no clock."""
        wrong = [
            f"{source.path}:{found.line}: {found.module}"
            for source in sources("ftpx/wire")
            for found in source.imports()
            if found.module.split(".")[0] in _NOT_IN_WIRE
        ]
        self.assertEqual(wrong, [])

    def test_only_tap_takes_the_global_reactor(self) -> None:
        """Everywhere else the reactor is an argument."""
        wrong = [
            f"{source.path}:{found.line}"
            for source in sources("ftpx")
            if source.module != "ftpx.tap"
            for found in source.imports()
            if _takes_reactor(found)
        ]
        self.assertEqual(wrong, [])

    def test_no_sleep(self) -> None:
        """Tests advance a clock; those of real processes wait in one place, for a condition."""
        wrong = [
            f"{source.path}:{line}"
            for folder in ("ftpx", "tests")
            for source in sources(folder)
            if source.module != "tests.integration.waiting"
            for line in _sleeps(source)
        ]
        self.assertEqual(wrong, [])


class NamesTests(SynchronousTestCase):
    """What modules and classes are called."""

    def test_every_module_says_what_is_public(self) -> None:
        """Each module has an ``__all__``, unless it holds nothing at all."""
        self.assertEqual([str(source.path) for source in sources("ftpx") if not _says_what_is_public(source)], [])

    def test_names_say_what_a_thing_holds(self) -> None:
        """No module and no class has one of the names that fit anything."""
        wrong = [source.module for source in sources("ftpx") if _VAGUE.search(source.module)]
        wrong += [
            f"{source.module}.{node.name}"
            for source in sources("ftpx")
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef) and _VAGUE.search(node.name)
        ]
        self.assertEqual(wrong, [])
