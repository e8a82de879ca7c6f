"""What signals do to a running server."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

__all__ = ["install_signals"]


def install_signals(reactor: Any, hasten: Callable[[], None], reload: Callable[[], None]) -> None:
    """
    Once the reactor runs, let SIGTERM and SIGINT stop it in good order, with exit status 0, and SIGHUP ``reload``.

    A second signal to stop calls ``hasten``. (Twisted's own signals end the process as killed.)
    """
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            hasten()
        else:
            stopping = True
            reactor.stop()

    def install() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: reactor.callFromThread(stop))
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reload))

    reactor.callWhenRunning(install)
