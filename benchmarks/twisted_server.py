"""
Twisted's own FTP server, for ``twistd --python``.

``twistd ftp`` gives a named user ``/home/NAME``; here it is a folder of the benchmark's.
The port and the folder are in the environment: ``BENCHMARK_PORT``, ``BENCHMARK_ROOT``.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from twisted.cred.portal import Portal

__all__ = ["application"]

root = Path(os.environ["BENCHMARK_ROOT"])
# Most of this has no types; and the checker says bytes, where ftp logs in with str.
checkers: Any = import_module("twisted.cred.checkers")
ftp: Any = import_module("twisted.protocols.ftp")
internet: Any = import_module("twisted.application.internet")
checker = checkers.InMemoryUsernamePasswordDatabaseDontUse()
checker.addUser(root.name, "bench")
factory = ftp.FTPFactory(Portal(ftp.FTPRealm(str(root), str(root.parent)), [checker]))
application: Any = import_module("twisted.application.service").Application("ftp")
internet.TCPServer(int(os.environ["BENCHMARK_PORT"]), factory, interface="127.0.0.1").setServiceParent(application)
