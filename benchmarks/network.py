"""
A network of its own for a run.

A connection that was closed keeps its port for a minute, and tens of thousands of small
transfers use up the ports of a machine: binding gets slow, then fails. As root a run gets
a network namespace whose kernel forgets closed connections sooner, and which nothing else
on the machine shares; elsewhere it waits until the ports are free again.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import socket
import struct
import time
from pathlib import Path

__all__ = ["enter_own_network", "wait_for_ports"]

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x41
_REMEMBERED = 2000
_CROWDED = 8000
_WAIT_SECONDS = 65


def enter_own_network() -> bool:
    """Move this process, and what it starts from now on, into a new network namespace, if it may."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
    with contextlib.suppress(OSError):
        Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text(str(_REMEMBERED))
    return True


def wait_for_ports() -> None:
    """Wait while very many closed connections keep their ports, for a minute at most."""
    end = time.monotonic() + _WAIT_SECONDS
    while _closed_connections() > _CROWDED and time.monotonic() < end:
        time.sleep(1)


def _closed_connections() -> int:
    found = re.search(r"^TCP:.* tw (\d+)", Path(f"/proc/{os.getpid()}/net/sockstat").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
