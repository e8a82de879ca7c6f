"""Event sinks that plugins bring."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, cast

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

import twisted.plugins
from ftpx.config import Config
from ftpx.errors import ConfigurationError
from ftpx.interfaces import Direction, IWorkerPool, TransferFinished
from ftpx.ops.event_sinks import event_sink_plugins, open_event_sink
from ftpx.service import make_service
from ftpx.tap import Options
from ftpx.testing.pool import InlinePool
from tests.storage.directories import new_directory

_PLUGIN = """
from twisted.plugin import IPlugin
from zope.interface import implementer
from ftpx.errors import ConfigurationError
from ftpx.interfaces import IEventSinkPlugin, TransferFinished
from tests.ops.doubles import Sink

opened = []
sinks = []

@implementer(IPlugin, IEventSinkPlugin)
class Kind:
    prefix = "sinktest"
    argument_format = "X"
    help = "For a test."

    def open_sink(self, arguments, pool):
        opened.append((arguments, pool))
        match arguments:
            case "broken":
                raise RuntimeError("no luck")
            case "refused":
                raise ConfigurationError("sinktest: not so")
            case "nothing":
                return object()
            case "wants":
                return Sink([TransferFinished])
            case "strange":
                return Sink(frozenset({int}))
        sinks.append(Sink(frozenset({TransferFinished})))
        return sinks[-1]

kind = Kind()
"""


class EventSinksTests(SynchronousTestCase):
    """A kind that a plugin brings, in a folder of its own."""

    def setUp(self) -> None:
        """Put the folder on the path of ``twisted.plugins``."""
        self.directory = new_directory(self)
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, self.directory])
        self.patch(sys, "path", [os.path.dirname(self.directory), *sys.path])
        self.addCleanup(self.forget)

    def forget(self) -> None:
        """Forget the module of this test."""
        sys.modules.pop("twisted.plugins.sinktest_plugin", None)
        vars(twisted.plugins).pop("sinktest_plugin", None)

    def install(self) -> None:
        """Have the plugin."""
        with open(os.path.join(self.directory, "sinktest_plugin.py"), "w") as file:
            file.write(_PLUGIN)

    def opened(self) -> list[tuple[str, IWorkerPool]]:
        """With what the plugin was asked for sinks."""
        return cast("list[tuple[str, IWorkerPool]]", sys.modules["twisted.plugins.sinktest_plugin"].opened)

    def test_none(self) -> None:
        """ftpx has no kind itself, and says so."""
        self.assertNotIn("sinktest", [plugin.prefix for plugin in event_sink_plugins()])
        error = self.assertRaises(ConfigurationError, open_event_sink, "sinktest:x", InlinePool())
        self.assertIn("there is no event sink kind 'sinktest'", str(error))

    def test_found(self) -> None:
        """A kind is found through twisted.plugin, and is given all that stands behind the first colon."""
        self.install()
        self.assertIn("sinktest", [plugin.prefix for plugin in event_sink_plugins()])
        pool = InlinePool()
        sink = open_event_sink("sinktest:a:b", pool)
        self.assertEqual(sink.wants, frozenset({TransferFinished}))
        self.assertEqual(self.opened(), [("a:b", pool)])

    def test_broken(self) -> None:
        """A plugin that fails, or makes something that is no sink, is named; what it says itself stays as it is."""
        self.install()
        for arguments, text in (
            ("broken", "the event sink kind 'sinktest' failed: RuntimeError: no luck"),
            ("refused", "sinktest: not so"),
            ("nothing", "the event sink kind 'sinktest' made something that is no event sink"),
            ("wants", "the event sink kind 'sinktest' wants no set of classes of events"),
            ("strange", "the event sink kind 'sinktest' wants no set of classes of events"),
        ):
            error = self.assertRaises(ConfigurationError, open_event_sink, f"sinktest:{arguments}", InlinePool())
            self.assertIn(text, str(error))

    def told(self) -> str:
        """What --help-event-sink prints."""
        output = io.StringIO()
        self.patch(Options, "output", output)
        with self.assertRaises(SystemExit) as caught:
            Options().parseOptions(["--help-event-sink"])
        self.assertEqual(caught.exception.code, 0)
        return output.getvalue()

    def test_help(self) -> None:
        """--help-event-sink tells the kinds with what they say about themselves, or that there is none."""
        self.assertIn("There is no kind of --event-sink", self.told())
        self.install()
        self.assertIn("--event-sink sinktest:X\n    For a test.\n", self.told())

    def test_options(self) -> None:
        """The option may be given several times."""
        options = Options()
        options.parseOptions(["--event-sink", "a:b", "--event-sink", "c"])
        self.assertEqual(options.config.event_sink, ("a:b", "c"))

    def test_service(self) -> None:
        """A server opens each sink with a pool of its own, and refuses to start without one that was asked for."""
        self.install()
        reactor: Any = MemoryReactorClock()
        make_service(Config(storage="memory:", event_sink=("sinktest:1", "sinktest:2")), reactor)
        (first, one), (second, two) = self.opened()
        self.assertEqual((first, second), ("1", "2"))
        self.assertIsNot(one, two)
        for spec in ("missing:x", "sinktest:broken"):
            self.assertRaises(ConfigurationError, make_service, Config(storage="memory:", event_sink=(spec,)), reactor)

    def test_told(self) -> None:
        """A sink is told of the transfers of its server, as far as it wants to be."""
        self.install()
        reactor: Any = MemoryReactorClock()
        service = make_service(Config(storage="memory:", event_sink=("sinktest:",)), reactor)
        transfers = service.factory.services.transfers
        for direction in Direction:
            running = transfers.begin(
                user="alice",
                client="192.0.2.1",
                verb="",
                direction=direction,
                path=("a",),
                protected=False,
                size=None,
            )
            transfers.finish(running)
        (sink,) = sys.modules["twisted.plugins.sinktest_plugin"].sinks
        self.assertEqual(sink.kinds, [TransferFinished, TransferFinished])
