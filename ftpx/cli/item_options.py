"""The options of users and groups: one for each item that `ftpx.accounts.policy` knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from ftpx.accounts.database.items import Changes
from ftpx.accounts.policy import Item, Scope, items

__all__ = ["changes_of", "group_item_options", "is_item_option", "texts_of", "user_item_options"]

_PREFIX: Final = "item_"
_SCOPES: Final = {
    Scope.TOGETHER: "Counts for all members together.",
    Scope.EACH: "Counts for each member.",
}

_F = TypeVar("_F", bound=Callable[..., Any])


def user_item_options(command: _F) -> _F:
    """Add the options to a command about users, which takes them as keywords for `changes_of`."""
    return _with_options(command, lambda item: item.help)


def group_item_options(command: _F) -> _F:
    """Add the options to a command about groups, which takes them as keywords for `changes_of`."""
    return _with_options(command, lambda item: f"{item.help} {_SCOPES[item.scope]}")


def _with_options(command: _F, help_of: Callable[[Item], str]) -> _F:
    # The decorator that is applied first is the last in the help.
    for name, item in reversed(items().items()):
        option = click.option(
            f"--{name.replace('_', '-')}",
            f"{_PREFIX}{name}",
            metavar=item.form,
            multiple=item.several,
            help=help_of(item) + (" May be given several times." if item.several else ""),
        )
        command = option(command)
    return command


def is_item_option(parameter: click.Parameter) -> bool:
    """Whether an option is one of these."""
    return (parameter.name or "").startswith(_PREFIX)


def texts_of(given: Sequence[str]) -> Sequence[str] | None:
    """
    The values of an option that may be given several times; ``None``: it was not given.

    :raises UsageError: besides an empty text, which takes all back, there is another.
    """
    if not given:
        return None
    if "" not in given:
        return given
    if len(given) > 1:
        raise click.UsageError("An empty value takes all values back, so it stands alone.")
    return ()


def changes_of(options: Mapping[str, Any]) -> Changes:
    """The items that were given, by name. An empty text takes an item back."""
    changes: dict[str, Sequence[str]] = {}
    for name, item in items().items():
        value = options[f"{_PREFIX}{name}"]
        texts = texts_of(value if item.several else () if value is None else (value,))
        if texts is not None:
            changes[name] = texts
    return changes
