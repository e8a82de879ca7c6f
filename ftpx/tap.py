"""``twistd ftpx``: the command line. The only module that takes the global reactor."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from textwrap import fill
from typing import Any, TextIO

from twisted.application.service import IService, MultiService
from twisted.python import usage

from ftpx.accounts.authentication import describe_factories
from ftpx.config import Config, Setting, settings
from ftpx.errors import ConfigurationError
from ftpx.ops.event_sinks import event_sink_plugins
from ftpx.service import make_service as build_service
from ftpx.signals import install_signals
from ftpx.storage.registry import storage_plugins

__all__ = ["Options", "makeService"]

_SETTINGS = settings()


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _shown(default: Any) -> str | None:
    """A default as it would be written on the command line."""
    if default is None:
        return None
    if isinstance(default, float):
        return f"{default:g}"
    return str(getattr(default, "value", default))


def _repeatable(name: str, setting: Setting, default: Sequence[str]) -> Callable[[Options, str], None]:
    """The method by which `usage.Options` takes an option that may be given several times."""

    def take(options: Options, text: str) -> None:
        options.take_another(name, text)

    take.__doc__ = setting.help + (f" [default: {', '.join(default)}]" if default else "")
    return take


class Options(usage.Options):
    """The options of ``twistd ftpx``, computed from `ftpx.config`."""

    synopsis = "[options]"
    longdesc = "Serve a storage over FTP. Without --auth everybody may log in as anonymous and read."
    output: TextIO = sys.stdout

    optFlags = [
        [_flag(name), setting.letter, setting.help] for name, (setting, _) in _SETTINGS.items() if not setting.form
    ]
    optParameters = [
        [_flag(name), setting.letter, _shown(default), setting.help]
        for name, (setting, default) in _SETTINGS.items()
        if setting.form and not setting.repeatable
    ]

    def __init__(self) -> None:
        super().__init__()
        self.config = Config()
        self._repeated: dict[str, list[str]] = {}

    def take_another(self, name: str, text: str) -> None:
        """Take one more text of a setting that may be given several times."""
        self._repeated.setdefault(name, []).append(text)

    def opt_root(self, directory: str) -> None:
        """Serve a directory; short for --storage local:DIRECTORY."""
        self["storage"] = f"local:{directory}"

    def opt_help_storage(self) -> None:
        """Tell the kinds of storage and exit."""
        self._tell("--storage", ((plugin.prefix, plugin.argument_format, plugin.help) for plugin in storage_plugins()))

    def opt_help_auth(self) -> None:
        """Tell the kinds of login and exit."""
        self._tell("--auth", describe_factories())

    def opt_help_event_sink(self) -> None:
        """Tell the kinds of event sinks that plugins bring and exit."""
        plugins = event_sink_plugins()
        if not plugins:
            self.output.write("There is no kind of --event-sink: no plugin that is installed brings one.\n")
        self._tell("--event-sink", ((plugin.prefix, plugin.argument_format, plugin.help) for plugin in plugins))

    for _name, (_setting, _default) in _SETTINGS.items():
        if _setting.repeatable:
            vars()[f"opt_{_name}"] = _repeatable(_name, _setting, _default)
            if _setting.letter is not None:
                vars()[f"opt_{_setting.letter}"] = vars()[f"opt_{_name}"]

    opt_r = opt_root

    def _tell(self, option: str, kinds: Iterable[tuple[str, str, str]]) -> None:
        for kind, form, help in kinds:
            self.output.write(
                f"{option} {kind}:{form}\n{fill(help, 78, initial_indent='    ', subsequent_indent='    ')}\n"
            )
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line into `config`.

        :raises SystemExit: it cannot be used; the one line that says why.
        """
        try:
            super().parseOptions(options)
        except (usage.UsageError, ConfigurationError) as error:
            raise SystemExit(f"ftpx: {error}") from None

    def postOptions(self) -> None:
        """Turn the texts into values."""
        values: dict[str, Any] = {}
        for name, (setting, default) in _SETTINGS.items():
            try:
                values[name] = self._value(name, setting.parse, default) if setting.form else bool(self[_flag(name)])
            except ConfigurationError as error:
                raise ConfigurationError(f"--{_flag(name)}: {error}") from None
        self.config = Config(**values)

    def _value(self, name: str, parse: Any, default: Any) -> Any:
        if _SETTINGS[name][0].repeatable:
            return tuple(parse(text) for text in self._repeated.get(name, default))
        text = self[_flag(name)]
        return default if text is None else parse(text)


class _Main(MultiService):
    """Ends the process with one line where the server cannot start."""

    def privilegedStartService(self) -> None:
        """Listen."""
        _or_exit(super().privilegedStartService)

    def startService(self) -> None:
        """Start; under ``twist`` this listens too."""
        _or_exit(super().startService)


def _or_exit(start: Callable[[], None]) -> None:
    try:
        start()
    except ConfigurationError as error:
        raise SystemExit(f"ftpx: {error}") from None


def makeService(options: Options) -> IService:
    """
    The service that ``twistd`` and ``twist`` run.

    :raises SystemExit: the configuration cannot be used; the one line that says why.
    """
    from twisted.internet import reactor

    # Twisted counts time by the wall clock: set forward, it would end every session as idle.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    try:
        service = build_service(options.config, reactor)
    except ConfigurationError as error:
        raise SystemExit(f"ftpx: {error}") from None
    install_signals(reactor, service.end_grace, service.reload)
    main = _Main()
    service.setServiceParent(main)
    return main
