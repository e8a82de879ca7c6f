"""What counts for all accounts: every setting with its default, its bounds and its help, once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ftpx.errors import ConfigurationError

__all__ = ["Setting", "Settings", "account_settings"]


@attrs.frozen
class Setting:
    """A whole number that can be set, from ``least`` to ``most``; ``form`` is what it counts."""

    help: str
    form: str
    default: int
    least: int
    most: int

    def parse(self, text: str) -> int:
        """
        The number that a text says.

        :raises ConfigurationError: it says none, or one that is out of bounds.
        """
        number = int(text) if re.fullmatch("[0-9]{1,12}", text) else -1
        if not self.least <= number <= self.most:
            raise ConfigurationError(f"{text!r} is not a number from {self.least} to {self.most}.")
        return number


def _setting(help: str, form: str, default: int, least: int, most: int) -> Any:
    setting = Setting(help, form, default, least, most)
    return attrs.field(default=default, metadata={Setting: setting})


@attrs.frozen(kw_only=True)
class Settings:
    """The settings as they are; those that nobody has set have their defaults. Times are in seconds."""

    argon2_time_cost: int = _setting(
        "How often argon2id goes over its memory for one password. Passwords are hashed anew when their users log in.",
        "ROUNDS",
        2,
        1,
        100,
    )
    argon2_memory_cost: int = _setting(
        "KiB of memory that argon2id takes for one password. A server takes it for each of its login threads.",
        "KIB",
        19 * 1024,
        1024,
        4 * 1024**2,
    )
    argon2_parallelism: int = _setting("Lanes of argon2id.", "LANES", 1, 1, 64)
    ban_failures: int = _setting("Failed logins after which an address is banned.", "FAILURES", 10, 1, 10**6)
    ban_name_failures: int = _setting(
        "Failed logins by one name after which one more from an address bans that address for this name.",
        "FAILURES",
        50,
        1,
        10**6,
    )
    ban_window: int = _setting("Time in which failed logins come to count half.", "SECONDS", 600, 1, 10**8)
    ban_first: int = _setting("Time of the first ban.", "SECONDS", 60, 1, 10**8)
    ban_factor: int = _setting("How many times longer each further ban is.", "TIMES", 4, 1, 100)
    ban_longest: int = _setting("Time of the longest ban.", "SECONDS", 86400, 1, 10**8)

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> Settings:
        """
        Settings from texts.

        :raises ConfigurationError: there is no such setting, or the text is none for it.
        """
        known = account_settings()
        values = {}
        for name, text in texts.items():
            if name not in known:
                raise ConfigurationError(f"There is no setting {name!r}; there are {', '.join(known)}.")
            try:
                values[name] = known[name].parse(text)
            except ConfigurationError as error:
                raise ConfigurationError(f"{name}: {error}") from None
        return cls(**values)


def account_settings() -> dict[str, Setting]:
    """Every setting by its name in `Settings`."""
    return {field.name: field.metadata[Setting] for field in attrs.fields(Settings)}
