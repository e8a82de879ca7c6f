"""The command ``ftpx`` with all its commands, and how it ends when something cannot be done."""

from __future__ import annotations

from typing import IO, Any, Final

import click
from sqlalchemy.exc import IntegrityError

from ftpx import __version__
from ftpx.accounts.database.opening import parse_url
from ftpx.cli.accounts import Accounts
from ftpx.cli.bans import bans
from ftpx.cli.explaining import explain_command
from ftpx.cli.groups import groups
from ftpx.cli.quotas import quotas
from ftpx.cli.settings import settings
from ftpx.cli.users import users
from ftpx.errors import AccountsCorrupt, AccountsUnavailable, ConfigurationError, StorageUnavailable
from ftpx.wire.replies import printable

__all__ = ["ftpx"]

_DEFAULT: Final = "sqlite:ftpx-accounts.db"
_CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Refusal(click.ClickException):
    """One line that says what cannot be done, and exit status 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"ftpx: {printable(self.message)}", file=file, err=True)


def _message(error: Exception) -> str:
    match error:
        case IntegrityError():
            return "Somebody else has just changed the same; try again."
        case AccountsCorrupt() | ConfigurationError():
            return str(error)
        case AccountsUnavailable():
            return f"The accounts cannot be reached: {str(error) or 'the database does not answer'}."
    return str(error)


class _Commands(click.Group):
    """A group of commands that tells what goes wrong in one line."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Take the arguments; neither the database nor a client's names hold anything but UTF-8."""
        for argument in arguments:
            try:
                argument.encode()
            except UnicodeEncodeError:
                raise click.UsageError("An argument is not in UTF-8.", context) from None
        return super().parse_args(context, arguments)

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except (ConfigurationError, StorageUnavailable, IntegrityError) as error:
            raise _Refusal(_message(error)) from None


@click.group(cls=_Commands, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="ftpx", message="%(prog)s %(version)s")
@click.option(
    "--accounts",
    "text",
    metavar="URL",
    envvar="FTPX_ACCOUNTS",
    default=_DEFAULT,
    show_default=True,
    show_envvar=True,
    help="The database: sqlite:PATH or postgresql://USER@HOST/DATABASE. Its password belongs into a file that "
    "PGPASSFILE names.",
)
@click.pass_context
def ftpx(context: click.Context, text: str) -> None:
    """
    Keep the accounts of an FTP server: users, groups, quotas, bans.

    Servers that run follow what is changed within five seconds. Every command has a --help of its own.
    """
    parse_url(text)
    accounts = context.obj = Accounts(text)
    context.call_on_close(accounts.close)


for _command in (users, groups, quotas, bans, settings, explain_command):
    ftpx.add_command(_command)
