"""How things are sent: TYPE, STRU, MODE (RFC 959, draft-preston-ftpext-deflate), OPTS (RFC 2389), LANG (RFC 2640)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest

from ftpx.errors import ArgumentError
from ftpx.server.arguments import OPTIONAL_TEXT, text
from ftpx.server.session import Session
from ftpx.server.state import Pending, TransferMode, TransferType
from ftpx.server.verb import verb
from ftpx.server.verbs.digests import hash_options
from ftpx.wire.facts import FACTS, parse_fact_names
from ftpx.wire.replies import Reply

__all__ = ["VERBS"]

_TYPES: Mapping[str, TransferType] = {
    "A": TransferType.ASCII,
    "A N": TransferType.ASCII,
    "I": TransferType.IMAGE,
    "L 8": TransferType.IMAGE,
    "L8": TransferType.IMAGE,
}
_STRUCTURES = frozenset({"F", "R", "P"})
_MODES: Mapping[str, TransferMode] = {mode.value: mode for mode in TransferMode}
_OTHER_MODES = frozenset({"B", "C"})
# The options of MODE Z and their values, by the draft.
_DEFLATE_OPTIONS: Mapping[str, frozenset[str]] = {
    "LEVEL": frozenset("123456789"),
    "METHOD": frozenset({"8"}),
    "ENGINE": frozenset({"ZLIB"}),
}
_LONGEST_SOFTWARE = 64
_NOT_HERE = Reply(504, "Not implemented for that parameter.")


@verb("TYPE", "959", text("A|I|L 8"), "Choose the representation: text or octets.")
def type_(session: Session, argument: str) -> Reply:
    """Set the representation type."""
    wanted = argument.upper()
    chosen = _TYPES.get(wanted)
    if chosen is None:
        if wanted[0] not in "AEIL":
            raise ArgumentError("The type is A, I or L 8.")
        return _NOT_HERE
    session.state.type = chosen
    return Reply(200, f"Type set to {wanted}.")


@verb("STRU", "959", text("F"), "Choose the file structure.", keeps=Pending.RESTART)
def structure(session: Session, argument: str) -> Reply:
    """Files have no structure."""
    letter = argument.upper()
    if letter not in _STRUCTURES:
        raise ArgumentError("The structure is F.")
    return Reply(200, "Structure set to F.") if letter == "F" else _NOT_HERE


@verb(
    "MODE",
    "959",
    text("S|Z"),
    "Choose the transfer mode: octets as they are, or deflated.",
    keeps=Pending.RESTART,
    feature=lambda session: ["MODE Z"] if session.policy.deflate_level else [],
)
def mode(session: Session, argument: str) -> Reply:
    """Stream mode, or draft-preston-ftpext-deflate."""
    letter = argument.upper()
    chosen = _MODES.get(letter)
    if chosen is None:
        if letter not in _OTHER_MODES:
            raise ArgumentError("The mode is S or Z.")
        return _NOT_HERE
    if chosen is TransferMode.DEFLATE and not session.policy.deflate_level:
        return _NOT_HERE
    session.state.mode = chosen
    return Reply(200, f"Mode set to {letter}.")


def _options_utf8(session: Session, argument: str) -> Reply:
    """Names are always UTF-8 (RFC 2640)."""
    return Reply(200, "Names are UTF-8.") if argument.upper() in {"", "ON", "NLST"} else _NOT_HERE


def _options_mlst(session: Session, argument: str) -> Reply:
    """Choose the facts of MLST and MLSD (RFC 3659, section 7.9)."""
    session.state.facts = parse_fact_names(argument)
    chosen = "".join(f"{fact};" for fact in FACTS if fact in session.state.facts)
    return Reply(200, f"MLST OPTS {chosen}".rstrip())


def _options_mode(session: Session, argument: str) -> Reply:
    """Choose how hard MODE Z compresses, or by nothing at all the server's own choice again."""
    letter, _, rest = argument.upper().partition(" ")
    if letter != TransferMode.DEFLATE.value or not session.policy.deflate_level:
        return _NOT_HERE
    words = rest.split()
    level: int | None = None
    for name, value in zip_longest(words[::2], words[1::2], fillvalue=""):
        if value not in _DEFLATE_OPTIONS.get(name, ()):
            raise ArgumentError("The options of MODE Z are LEVEL 1 to 9, METHOD 8 and ENGINE ZLIB.")
        level = int(value) if name == "LEVEL" else level
    session.state.deflate_level = level
    return Reply(200, f"MODE Z LEVEL {level or session.policy.deflate_level}.")


_OPTIONS: Mapping[str, Callable[[Session, str], Reply]] = {
    "HASH": hash_options,
    "MLST": _options_mlst,
    "MODE": _options_mode,
    "UTF8": _options_utf8,
    "UTF-8": _options_utf8,
}


@verb("OPTS", "2389", text("command [options]"), "Set the options of a command.", before_login=True)
def options(session: Session, argument: str) -> Reply:
    """Hand the options to the command they are for."""
    name, _, rest = argument.partition(" ")
    set_options = _OPTIONS.get(name.upper())
    if set_options is None:
        return Reply(501, "That command has no options.")
    return set_options(session, rest.strip(" "))


@verb("LANG", "2640", OPTIONAL_TEXT, "Choose the language of replies.", before_login=True, feature="LANG EN*")
def language(session: Session, argument: str | None) -> Reply:
    """English is the one language there is."""
    tag = (argument or "en").lower()
    return Reply(200, "Replies are in English.") if tag.partition("-")[0] == "en" else _NOT_HERE


@verb("CLNT", "none", text("name"), "Say which software you are.", before_login=True, feature="CLNT")
def client_software(session: Session, name: str) -> Reply:
    """Remember it for the log."""
    session.software = name[:_LONGEST_SOFTWARE]
    return Reply(200, "Noted.")


VERBS = (type_, structure, mode, options, language, client_software)
