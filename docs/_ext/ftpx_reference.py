"""
Directives that write the reference from the code, so that it cannot say anything else.

Each directive is a function that gives the lines of reStructuredText to put in its place.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from zope.interface import Attribute
from zope.interface.interface import InterfaceClass, Method

import ftpx.config
import ftpx.interfaces
from ftpx.accounts.authentication import describe_factories
from ftpx.accounts.policy import items
from ftpx.accounts.settings import account_settings as settings_of_accounts
from ftpx.cli.commands import ftpx as accounts_command
from ftpx.cli.item_options import is_item_option
from ftpx.ops.event_sinks import event_sink_plugins
from ftpx.server.outcome import REPLIES
from ftpx.server.verb import DuringTransfer, Verb
from ftpx.server.verbs import COMMANDS
from ftpx.server.verbs.site import SITE_COMMANDS, SiteCommand
from ftpx.storage.registry import storage_plugins
from ftpx.tap import Options

__all__ = ["setup"]

_PROJECT = Path(__file__).resolve().parents[2]
_MARKUP = re.compile(r"([\\`*|_])")


def _prose(text: str) -> str:
    """Text that means nothing to reStructuredText."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return f"``{text}``" if text.strip() else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], widths: str) -> Iterator[str]:
    """A table; a cell is one line of reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in (header, *rows):
        for number, cell in enumerate(row):
            yield f"   {'  -' if number else '* -'} {cell}".rstrip()
    yield ""


def _summary(thing: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


# Commands


def _rfc(verb: Verb) -> str:
    return f":rfc:`{verb.rfc}`" if verb.rfc.isdigit() else _prose(verb.rfc)


def _where(record: Verb | SiteCommand) -> list[str]:
    """What the storage must be able to do."""
    if record.ability is None:
        return []
    return [f"Where the storage provides :py:class:`~ftpx.interfaces.{record.ability.__name__}`."]


def _remarks(verb: Verb) -> str:
    """What else the record says."""
    remarks = []
    if verb.before_login:
        remarks.append("Also before login.")
    if verb.opens_data:
        remarks.append("Opens a data connection.")
    if verb.during_transfer is DuringTransfer.ACTS:
        remarks.append("Acts during a transfer.")
    if verb.during_transfer is DuringTransfer.ACTS_WITHOUT_ARGUMENT:
        remarks.append("Acts during a transfer, without argument.")
    return " ".join([*remarks, *_where(verb)])


def commands() -> Iterator[str]:
    """The command table, from the verb records."""
    rows = (
        (_code(f"{verb.name} {verb.argument.syntax}".strip()), _prose(verb.help), _rfc(verb), _remarks(verb))
        for verb in sorted(COMMANDS.values(), key=lambda verb: verb.name)
    )
    yield from _table(("Command", "What it does", "Where from", "Remarks"), rows, "25 35 15 25")


def site_commands() -> Iterator[str]:
    """The commands behind SITE."""
    rows = (
        (_code(f"SITE {name} {command.syntax}".strip()), _prose(command.help), " ".join(_where(command)))
        for name, command in sorted(SITE_COMMANDS.items())
    )
    yield from _table(("Command", "What it does", "Remarks"), rows, "35 35 30")


def replies() -> Iterator[str]:
    """The errors of the domain and the replies that they become."""
    rows = (
        (_code(error.__name__), _prose(_summary(error)), _code(str(reply.code)), _prose(" ".join(reply.lines)))
        for error, reply in sorted(REPLIES.items(), key=lambda item: (item[1].code, item[0].__name__))
    )
    yield from _table(("Error", "Meaning", "Code", "Text"), rows, "22 38 8 32")


# The command line


def settings() -> Iterator[str]:
    """The settings of the configuration: option, default, meaning."""
    rows = []
    for name, (setting, default) in ftpx.config.settings().items():
        flag = name.replace("_", "-")
        forms = [f"--{flag} {setting.form}".strip()]
        if setting.letter:
            forms.append(f"-{setting.letter} {setting.form}".strip())
        default_text = "" if default is None or not setting.form else _default(default)
        rows.append((", ".join(map(_code, forms)), _code(default_text), _prose(setting.help)))
    yield from _table(("Option", "Default", "Meaning"), rows, "35 20 45")


def _default(value: object) -> str:
    match value:
        case tuple():
            return ", ".join(map(str, value))
        case float():
            return f"{value:g}"
        case enum.Enum():
            return str(value.value)
    return str(value)


def help_text() -> Iterator[str]:
    """What ``twistd ftpx --help`` prints."""
    yield from (".. code-block:: text", "")
    for line in Options().getUsage(width=96).splitlines():
        yield f"   {line}".rstrip()
    yield ""


def storages() -> Iterator[str]:
    """The kinds of storage."""
    for plugin in storage_plugins():
        yield _code(f"{plugin.prefix}:{plugin.argument_format}")
        yield f"   {_prose(plugin.help)}"
        yield ""


def event_sinks() -> Iterator[str]:
    """The kinds of event sinks."""
    plugins = event_sink_plugins()
    if not plugins:
        yield from ("Where this was written there was none: ftpx itself has no kind but the file of ``--events``.", "")
        return
    rows = ((_code(f"{plugin.prefix}:{plugin.argument_format}"), _prose(plugin.help)) for plugin in plugins)
    yield from _table(("Kind", "What it does"), rows, "35 65")


def logins() -> Iterator[str]:
    """The kinds of login."""
    for name, form, help_text in describe_factories():
        yield _code(name if form == "(none)" else f"{name}:{form}")
        yield f"   {_prose(help_text)}"
        yield ""


# The command that keeps the accounts


def _commands_of(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The commands below a group, each with its name in full."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands_of(command, *names, name)
        else:
            yield (*names, name), command


def _options(command: click.Command) -> Iterator[Sequence[str]]:
    """The options of a command but those of the items, as rows."""
    context = click.Context(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not is_item_option(parameter) and not parameter.is_eager:
            # What click has for its own help: the forms and the text.
            forms, help_text = parameter.get_help_record(context) or ("", "")
            yield ", ".join(map(_code, forms.split(", "))), _prose(help_text)


def accounts_commands() -> Iterator[str]:
    """The commands of ``ftpx``, from click."""
    yield from _table(("Option", "Meaning"), _options(accounts_command), "35 65")
    for names, command in _commands_of(accounts_command, "ftpx"):
        words = [*names, *(parameter.make_metavar(click.Context(command)) for parameter in _arguments(command))]
        yield from (f".. rubric:: {_code(' '.join(words))}", "")
        for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
            yield from (_prose(paragraph), "")
        if any(map(is_item_option, command.params)):
            yield from ("With an option for each of the items below.", "")
        rows = list(_options(command))
        if rows:
            yield from _table(("Option", "Meaning"), rows, "35 65")


def _arguments(command: click.Command) -> Iterator[click.Parameter]:
    return (parameter for parameter in command.params if isinstance(parameter, click.Argument))


def account_items() -> Iterator[str]:
    """What can be set for users and groups."""
    rows = (
        (
            _code(f"--{name.replace('_', '-')} {item.form}"),
            _prose(item.help),
            item.scope.value,
            "yes" if item.several else "",
        )
        for name, item in items().items()
    )
    yield from _table(("Option", "Meaning", "Set for a group, it is for", "Several"), rows, "35 40 15 10")


def account_settings() -> Iterator[str]:
    """The settings for all accounts."""
    rows = (
        (_code(name), _code(str(setting.default)), f"{setting.least} to {setting.most}", _prose(setting.help))
        for name, setting in settings_of_accounts().items()
    )
    yield from _table(("Setting", "Default", "From, to", "Meaning"), rows, "25 15 15 45")


# The contracts


def _indented(text: str, by: int) -> Iterator[str]:
    for line in text.splitlines():
        yield f"{' ' * by}{line}".rstrip()
    yield ""


def _member(name: str, member: Any) -> Iterator[str]:
    text = inspect.cleandoc(member.__doc__ or "")
    if isinstance(member, Method):
        yield f"   .. py:method:: {name}{member.getSignatureString()}"
    else:
        yield f"   .. py:attribute:: {name}"
    yield ""
    yield from _indented(text, 6)


def _interface(interface: InterfaceClass) -> Iterator[str]:
    yield f".. py:class:: {interface.__name__}"
    yield ""
    yield from _indented(inspect.cleandoc(interface.__doc__ or ""), 3)
    for name, member in interface.namesAndDescriptions():
        if isinstance(member, Method | Attribute):
            yield from _member(name, member)


def interfaces() -> Iterator[str]:
    """The interfaces of `ftpx.interfaces`, in the order in which it imports them."""
    for value in vars(ftpx.interfaces).values():
        if isinstance(value, InterfaceClass) and value.__module__.startswith("ftpx.interfaces."):
            yield from _interface(value)


# The changelog


def unreleased() -> Iterator[str]:
    """The fragments of the changelog that no release has taken up yet."""
    for path in sorted((_PROJECT / "changelog.d").glob("*.md")):
        yield f"* {path.read_text(encoding='utf-8').strip()}"
    yield ""


def _directive(write: Callable[[], Iterator[str]]) -> type[SphinxDirective]:
    class Written(SphinxDirective):
        """Put in place what a function writes."""

        def run(self) -> list[nodes.Node]:
            self.env.note_dependency(inspect.getfile(write))
            # Rebuilt every time: what it is made of is spread over the code.
            self.env.note_reread()
            return self.parse_text_to_nodes("\n".join(write()))

    return Written


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add a directive for each kind of reference."""
    written = (
        commands,
        site_commands,
        replies,
        settings,
        help_text,
        storages,
        event_sinks,
        logins,
        accounts_commands,
        account_items,
        account_settings,
        interfaces,
        unreleased,
    )
    for write in written:
        app.add_directive(f"ftpx-{write.__name__.replace('_', '-')}", _directive(write))
    return {"parallel_read_safe": True, "version": "1"}
