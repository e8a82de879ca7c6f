"""Rights, on every verb that takes a path: PH02 and PH20."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

import attrs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, implementer, providedBy
from zope.interface.interface import InterfaceClass

from ftpx.accounts.access import AccessRules
from ftpx.interfaces import (
    IAccessRules,
    ICreationTimes,
    IFreeSpace,
    IModes,
    IStorage,
    ISymbolicLinks,
    ITimes,
    Path,
    Right,
)
from ftpx.server.verbs import COMMANDS
from ftpx.server.verbs.site import SITE_COMMANDS
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.permitted import PermittedStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.server import ServerHarness
from ftpx.wire.replies import Reply
from tests.accounts.profiles import profile_of
from tests.server.doubles import codes
from tests.storage.directories import new_directory

_T = TypeVar("_T")

_UNAVAILABLE = Reply(550, "No such file or directory, or not permitted.")


@attrs.frozen
class Form:
    """
    A way to give a path to a verb: lines that come before, and the one that is looked at.

    ``makes``: it makes something of that name, or if it ``names`` it, of another. ``ability`` is what the storage must
    be able to do.
    """

    line: str
    before: tuple[str, ...] = ()
    fetches: bool = False
    stores: bool = False
    makes: bool = False
    names: bool = False
    ability: InterfaceClass | None = None

    def send(self, server: ServerHarness, path: str) -> list[Reply]:
        """What is said to the line."""
        server.command(*self.before)
        line = self.line.format(path=path)
        if self.stores:
            return server.store(line, b"mine")
        return server.fetch(line)[0] if self.fetches else server.command(line)


def _plain(*lines: str, **kind: Any) -> tuple[Form, ...]:
    return tuple(Form(line, **kind) for line in lines)


def _digest(name: str) -> tuple[Form, ...]:
    return _plain(f"{name} {{path}}", f'{name} "{{path}}"', f"{name} {{path}} 0 1", f'{name} "{{path}}" 0 1')


_TIME = "20200101000000"
_STORING: dict[str, Any] = {"stores": True, "makes": True}
_MINE = ("TYPE I", "RNFR /pub/mine")

# Verb, or SITE and what stands behind it -> the ways to give it a path. A verb without a path has none.
FORMS: dict[str, tuple[Form, ...]] = {
    **dict.fromkeys(("ABOR", "ACCT", "ALLO", "AUTH", "CCC", "CDUP", "CLNT", "EPRT", "EPSV", "FEAT", "HELP"), ()),
    **dict.fromkeys(("HOST", "LANG", "MODE", "NOOP", "OPTS", "PASS", "PASV", "PBSZ", "PORT", "PROT", "PWD"), ()),
    **dict.fromkeys(("QUIT", "RANG", "REIN", "REST", "SITE", "STRU", "SYST", "TYPE", "USER", "XCUP", "XPWD"), ()),
    **{name: _digest(name) for name in ("XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512")},
    "APPE": _plain("APPE {path}", **_STORING),
    "AVBL": _plain("AVBL {path}", ability=IFreeSpace),
    "CWD": _plain("CWD {path}"),
    "DELE": _plain("DELE {path}"),
    "HASH": (Form("HASH {path}"), Form("HASH {path}", ("RANG 0 1",))),
    "LIST": _plain("LIST {path}", "LIST -d {path}", "LIST -laR {path}", "LIST {path}/*", fetches=True),
    "MD5": _plain("MD5 {path}", 'MD5 "{path}"'),
    "MDTM": (Form("MDTM {path}"), Form(f"MDTM {_TIME} {{path}}", ability=ITimes)),
    "MFCT": _plain(f"MFCT {_TIME} {{path}}", ability=ICreationTimes),
    "MFF": (
        Form(f"MFF modify={_TIME}; {{path}}", ability=ITimes),
        Form(f"MFF create={_TIME}; {{path}}", ability=ICreationTimes),
        Form("MFF UNIX.mode=600; {path}", ability=IModes),
    ),
    "MFMT": _plain(f"MFMT {_TIME} {{path}}", ability=ITimes),
    "MKD": _plain("MKD {path}", makes=True),
    "MLSD": _plain("MLSD {path}", fetches=True),
    "MLST": _plain("MLST {path}"),
    "NLST": _plain("NLST {path}", "NLST -d {path}", "NLST {path}/*", fetches=True),
    "RETR": (Form("RETR {path}", fetches=True), Form("RETR {path}", ("REST 1",), fetches=True)),
    "RMD": _plain("RMD {path}"),
    "RNFR": _plain("RNFR {path}"),
    "RNTO": (Form("RNTO {path}", _MINE, makes=True),),
    "SIZE": _plain("SIZE {path}"),
    "STAT": _plain("STAT {path}", "STAT -d {path}", "STAT {path}/*"),
    "STOR": (
        *_plain("STOR {path}", **_STORING),
        Form("STOR {path}", ("REST 1",), **_STORING),
        Form("STOR {path}", ("ALLO 4",), **_STORING),
        Form("STOR {path}", ("SITE EXPECT SIZE 4",), **_STORING),
    ),
    "STOU": _plain("STOU {path}", names=True, **_STORING),
    "XCWD": _plain("XCWD {path}"),
    "XMKD": _plain("XMKD {path}", makes=True),
    "XRMD": _plain("XRMD {path}"),
    "SITE CHMOD": _plain("SITE CHMOD 600 {path}", ability=IModes),
    "SITE CPFR": _plain("SITE CPFR {path}"),
    "SITE CPTO": (Form("SITE CPTO {path}", ("SITE CPFR /pub/mine",), makes=True),),
    "SITE EXPECT": (),
    "SITE HELP": (),
    "SITE QUOTA": (),
    "SITE SYMLINK": _plain("SITE SYMLINK mine {path}", ability=ISymbolicLinks, makes=True),
    "SITE UTIME": _plain(
        f"SITE UTIME {_TIME} {{path}}", f"SITE UTIME {{path}} {_TIME} {_TIME} {_TIME} UTC", ability=ITimes
    ),
}


class RecordingStorage:
    """A storage that notes on which paths it is called."""

    def __init__(self, inner: IStorage) -> None:
        self.paths: list[Path] = []
        self._inner = inner
        alsoProvides(self, *providedBy(inner))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method: Callable[..., object] = getattr(self._inner, name)

        def call(*arguments: object, **named: object) -> object:
            self.paths += [argument for argument in arguments if isinstance(argument, tuple)]
            return method(*arguments, **named)

        return call


@implementer(IAccessRules)
class RecordingRules:
    """Rules that note for which paths they are asked."""

    def __init__(self, rules: IAccessRules) -> None:
        self.paths: list[Path] = []
        self._rules = rules

    def rights(self, path: Path) -> Right:
        """See `IAccessRules`."""
        self.paths.append(path)
        return self._rules.rights(path)

    def is_hidden(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return self._rules.is_hidden(path)

    def is_boundary(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return self._rules.is_boundary(path)


class TableTests(SynchronousTestCase):
    """The table above holds all verbs there are."""

    def test_every_verb_is_in_the_table(self) -> None:
        """A new verb, or a new one behind SITE, says above how it is given a path."""
        self.assertEqual(FORMS.keys(), COMMANDS.keys() | {f"SITE {name}" for name in SITE_COMMANDS})


class RightsCase(SynchronousTestCase):
    """A server of a storage with a tree in it, and an account with rights in some of it."""

    def setUp(self) -> None:
        """Begin with nothing allowed to be left over."""
        super().setUp()
        self.make_server()

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return MemoryStorage(10_000_000)

    def make_server(self) -> None:
        """A new server of a new tree, to which alice is logged in."""
        inner = self.make_storage()
        self.result(self.fill(inner))
        self.inner = RecordingStorage(inner)
        items = {"rights": ["/priv=none", "/drop=write", "/pub=all"], "hidden": ["*.hid"]}
        self.rules = RecordingRules(AccessRules(profile_of(items)))
        self.storage = PermittedStorage(cast(IStorage, self.inner), self.rules)
        self.server = ServerHarness(self.storage)
        self.server.login()
        self.forget()

    def forget(self) -> None:
        """Look only at what comes from here on."""
        self.inner.paths.clear()
        self.rules.paths.clear()

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation returns."""

        async def wait() -> _T:
            return await awaitable

        return self.successResultOf(Deferred.fromCoroutine(wait()))

    async def fill(self, storage: IStorage) -> None:
        """Make directories that may and that may not be used, with files."""
        for name in ("pub", "priv", "drop", "pub/d", "pub/dir.hid"):
            await storage.make_directory(tuple(name.split("/")))
        for name in ("pub/mine", "priv/secret", "drop/theirs", "pub/f.hid", "pub/dir.hid/a"):
            file = await storage.open_write(tuple(name.split("/")))
            await file.write(b"content")
            await file.commit()

    def tree(self) -> list[str]:
        """All that is there, and how much."""
        return self.result(self._tree(()))

    async def _tree(self, path: Path) -> list[str]:
        found = []
        async for page in self.inner._inner.list_directory(path):
            for entry in page:
                below = (*path, entry.name)
                found.append(f"{'/'.join(below)} {entry.kind.value} {entry.size if entry.kind.value == 'file' else 0}")
                if entry.kind.value == "directory":
                    found += await self._tree(below)
        return sorted(found)

    def forms(self) -> Iterator[Form]:
        """The forms that the storage can serve."""
        for forms in FORMS.values():
            for form in forms:
                if form.ability is None or form.ability.providedBy(self.storage):
                    yield form


class RefusedTests(RightsCase):
    """PH20: where an account has no right, every verb says what it says of a name that is not there."""

    def assert_unavailable(self, path: str, form: Form) -> None:
        """A form of a verb says of a path what is said of all that is missing, and nothing else."""
        self.forget()
        place = f"{path}/x" if form.names else path
        self.assertEqual(form.send(self.server, place), [_UNAVAILABLE], f"{form} {place}")

    def test_ph20_missing(self) -> None:
        """What every verb says of something in a directory that is not there."""
        for form in self.forms():
            self.assert_unavailable("/gone/name", form)

    def test_ph20_no_right(self) -> None:
        """PH20: below a directory without rights there is nothing, however it is reached; the storage is not asked."""
        before = self.tree()
        for form in self.forms():
            for path in (
                "/priv",
                "/priv/secret",
                "/priv/none",
                "/priv/d/e",
                "/pub/../priv/secret",
                "pub/..//priv/./none",
            ):
                self.assert_unavailable(path, form)
                self.assertEqual([asked for asked in self.inner.paths if asked[:1] == ("priv",)], [], f"{form} {path}")
        self.assertEqual(self.tree(), before)

    def test_ph20_hidden(self) -> None:
        """PH20: so it is with hidden names, in any directory, and with what is below them."""
        before = self.tree()
        for form in self.forms():
            for path in ("/pub/f.hid", "/pub/none.hid", "/pub/dir.hid", "/pub/dir.hid/a", "/pub/d/../dir.hid/none"):
                self.assert_unavailable(path, form)
                asked = [asked for asked in self.inner.paths if any(name.endswith(".hid") for name in asked)]
                self.assertEqual(asked, [], f"{form} {path}")
        self.assertEqual(self.tree(), before)

    def test_ph20_listings(self) -> None:
        """PH20: no listing and no pattern tells of what is hidden or without rights."""
        for line in ("LIST /", "LIST -laR /", "NLST /", "MLSD /", "LIST /*", "NLST /*", "LIST /pub", "NLST /pub/*"):
            replies, octets = self.server.fetch(line)
            self.assertEqual(codes(replies), [150, 226], line)
            for name in (b"priv", b"hid"):
                self.assertNotIn(name, octets, line)
        for line in ("STAT /", "STAT /*", "STAT /pub"):
            (reply,) = self.server.command(line)
            self.assertNotIn("priv", str(reply), line)
            self.assertNotIn("hid", str(reply), line)
        for line in ("LIST /pri*", "NLST /pri?", "NLST /pub/*.hid", "LIST /pub/[f]*"):
            self.assertEqual(self.server.fetch(line)[0], [_UNAVAILABLE], line)
        self.assertEqual(self.server.command("STAT /pri*", "STAT /pub/*.hid"), [_UNAVAILABLE] * 2)

    def test_ph20_working_directory(self) -> None:
        """PH20: a working directory whose rights are taken away is no way in."""
        self.assertEqual(codes(self.server.command("CWD /pub/d")), [250])
        self.rules._rules = AccessRules(profile_of({"rights": ["/pub=none"]}))
        for line in ("LIST", "NLST", "MLSD", "NLST ../*"):
            self.assertEqual(self.server.fetch(line)[0], [_UNAVAILABLE], line)
        for line in ("MLST", "STAT .", "CDUP", "MKD new", "SIZE ../mine"):
            self.assertEqual(self.server.command(line), [_UNAVAILABLE], line)
        self.assertEqual(self.server.store("STOU", b"x"), [_UNAVAILABLE])
        self.assertEqual(codes(self.server.command("CWD /")), [250])

    def test_ph20_drop_box(self) -> None:
        """PH20: where an account may only store, what is there cannot be told from what is not."""
        before = self.tree()
        for form in self.forms():
            if form.makes and "MKD" not in form.line:
                continue
            for path in ("/drop/theirs", "/drop/none", "/drop/theirs/below"):
                self.assert_unavailable(path, form)
        for form in self.forms():
            if form.makes and not form.names:
                for path in ("/drop/theirs", "/drop/theirs/below"):
                    self.assert_unavailable(path, form)
        self.assertEqual(self.tree(), before)
        self.assertEqual(codes(self.server.command("CWD /drop")), [250])
        self.assertEqual(codes(self.server.store("STOR new", b"mine")), [150, 226])
        self.assertEqual(codes(self.server.store("STOU", b"mine")), [150, 226])
        self.assertEqual(self.server.store("STOR new", b"other"), [_UNAVAILABLE])
        self.assertEqual(self.server.store("APPE new", b"other"), [_UNAVAILABLE])
        self.assertIn("drop/new file 4", self.tree())
        (told,) = self.server.command("MLST /drop")
        self.assertIn("perm=c;", str(told))

    def test_own_upload(self) -> None:
        """In a drop box, too, one's own upload that broke off is told of and continued; nobody else's file is."""
        replies, peer = self.server.client.begin("STOR /drop/part")
        self.assertEqual(codes(replies), [150])
        peer.send(b"first")
        peer.reset()
        self.server.client.settle()
        self.assertEqual(codes(self.server.client.replies()), [426])
        self.assertEqual(self.server.command("SIZE /drop/part", "SIZE /drop/theirs"), [Reply(213, "5"), _UNAVAILABLE])
        self.server.command("REST 5")
        self.assertEqual(codes(self.server.store("STOR /drop/part", b" second")), [150, 226])
        self.assertEqual(self.server.command("SIZE /drop/part"), [_UNAVAILABLE])
        self.assertIn("drop/part file 12", self.tree())

    def test_perm_fact(self) -> None:
        """The perm fact of each entry tells the rights that hold there, not those of the directory that is listed."""
        items = {"rights": ["/=list", "/drop=write", "/pub=read,overwrite", "/pub/d=list,mkdir,delete"]}
        self.rules._rules = AccessRules(profile_of(items))
        _, octets = self.server.fetch("MLSD /")
        perms = {line.rpartition(" ")[2]: line for line in octets.decode().splitlines()}
        self.assertIn("perm=c;", perms["drop"])
        self.assertIn("perm=e;", perms["pub"])
        self.assertIn("perm=el;", perms["priv"])
        for path, perm in (("/pub/mine", "rw"), ("/pub/d", "delmp")):
            (reply,) = self.server.command(f"MLST {path}")
            self.assertIn(f"perm={perm};", str(reply))

    def test_ph18_mounted(self) -> None:
        """PH18, PH20: across mounted storages a rename is 553, a copy a copy, and rights hold as everywhere else."""
        mounted = MountedStorage(self.inner._inner, {("pub", "m"): MemoryStorage(), ("priv", "m"): MemoryStorage()})
        self.server.storage = PermittedStorage(mounted, self.rules)
        self.server = ServerHarness(self.server.storage)
        self.server.login()
        self.assertEqual(
            codes(self.server.command("RNFR /pub/mine", "RNTO /pub/m/x", "SIZE /pub/mine")), [350, 553, 213]
        )
        self.assertEqual(codes(self.server.command("SITE CPFR /pub/mine", "SITE CPTO /pub/m/x")), [350, 250])
        self.assertEqual(codes(self.server.command("SIZE /pub/m/x", "CWD /pub/m", "RMD /pub/m")), [213, 250, 550])
        self.server.command("ALLO 4")
        self.assertEqual(codes(self.server.store("STOR /pub/m/y", b"mine")), [150, 226])
        self.assertEqual(self.server.command("CWD /priv/m", "RNFR /pub/m", "RNTO /priv/m/x")[:1], [_UNAVAILABLE])
        self.assertIn(b"m\r\n", self.server.fetch("NLST /pub")[1])


class LocalRefusedTests(RefusedTests):
    """The same in a directory, with links in it."""

    def make_storage(self) -> IStorage:
        """An empty directory, and no links followed."""
        self.root = new_directory(self)
        return open_local(self.root, InlinePool()).without_links()

    def test_ph20_link(self) -> None:
        """PH03, PH20: a link does not lead to where there are no rights, nor out, whatever verb follows it."""
        os.symlink("../priv", os.path.join(self.root, "pub", "link"))
        os.symlink("/etc", os.path.join(self.root, "pub", "etc"))
        os.symlink("../priv/secret", os.path.join(self.root, "pub", "file"))
        before = self.tree()
        for form in self.forms():
            for path in ("/pub/link/secret", "/pub/link/none", "/pub/etc/passwd", "/pub/d/../link/./secret"):
                self.assert_unavailable(path, form)
        for form in (*FORMS["RETR"], *FORMS["HASH"], *FORMS["MFMT"]):
            self.assert_unavailable("/pub/file", form)
        self.assertEqual(self.tree(), before)
        self.assertEqual(codes(self.server.command("CWD /pub/link", "DELE /pub/link")), [550, 250])
        self.assertEqual(codes(self.server.store("STOR /pub/file", b"mine")), [550])
        self.assertIn("priv/secret file 7", self.tree())


class SpellingTests(RightsCase):
    """PH02: a path is normalised once, and the rules and the storage see the same one."""

    def seen(self, form: Form, path: str) -> tuple[list[int], list[Path], set[Path]]:
        """The codes of the replies, the paths that the storage was called with, those that the rules were asked for."""
        self.make_server()
        self.server.command(*form.before)
        self.forget()
        answered = codes(attrs.evolve(form, before=()).send(self.server, path))
        # Some verbs try first whether their whole argument is a name.
        asked = [path for path in self.inner.paths if not any(" " in name or '"' in name for name in path)]
        return answered, [*dict.fromkeys(asked)], set(self.rules.paths)

    def check(self, inside: str, name: str) -> None:
        """Write a path in all ways, and give it to all verbs."""
        spellings = [
            f"//{inside}/{name}",
            f"/./{inside}/{name}",
            f"/{inside}//{name}",
            f"/{inside}/{name}/",
            f"/{inside}/{name}/.",
            f"/{inside}/x/../{name}",
            f"/../{inside}/../{inside}/{name}",
            f"{inside}/{name}",
            f"./{inside}/./{name}//",
        ]
        for form in self.forms():
            plain = self.seen(form, f"/{inside}/{name}")
            for spelling in spellings:
                self.assertEqual(self.seen(form, spelling)[:2], plain[:2], f"{form} {spelling}")
            self.assertEqual(set(plain[1]) - plain[2], set(), str(form))
            if inside == "pub":
                self.assertTrue(plain[1], str(form))

    def test_ph02_spellings(self) -> None:
        """PH02: however a path is written, every verb asks the rules and the storage about the same one."""
        self.check("pub", "mine")

    def test_ph02_new_names(self) -> None:
        """PH02: so it is with a name that is not there yet."""
        self.check("pub", "new")

    def test_ph02_refused(self) -> None:
        """PH02: and with one where nothing is allowed."""
        self.check("priv", "secret")


class LocalSpellingTests(SpellingTests):
    """The same in a directory."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool()).without_links()
