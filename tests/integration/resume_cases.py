"""What the tests of uploads that broke off share."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.integration.cases import AUTH, PASSWORD, content
from tests.integration.control import Control, Reply, reset
from tests.integration.waiting import eventually

__all__ = ["BOTH", "OLD", "OTHER", "PART", "THEIRS", "WHOLE", "begin", "break_off", "go_on"]

OTHER = "bob"
BOTH = (*AUTH[:2], "--auth", f"memory:{OTHER}:{PASSWORD}", *AUTH[2:])
WHOLE = content(400_000, 300)
THEIRS = content(350_000, 301)
OLD = content(120_000, 302)
PART = 250_000


def _unread(data: socket.socket) -> int:
    """How much of what was sent over a connection of this machine its reader has not taken from the kernel."""
    here, there = (f"{port:04X}" for _, port in (data.getsockname(), data.getpeername()))
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(":" + there) and fields[2].endswith(":" + here):
            return int(fields[4].partition(":")[2], 16)
    return 0


def begin(control: Control, line: str, octets: bytes, *, restart: int | None = None) -> socket.socket:
    """An upload under way, of which the server has read all that was sent."""
    data = control.open_data(restart=restart)
    try:
        control.expect(line, 150)
        data.sendall(octets)
        eventually(lambda: not _unread(data), what="the server has read everything", pause=0.001)
    except BaseException:
        data.close()
        raise
    return data


def break_off(control: Control, line: str, octets: bytes, *, restart: int | None = None) -> None:
    """An upload that ends by a reset."""
    reset(begin(control, line, octets, restart=restart))
    control.expect_reply(426)


def go_on(control: Control, line: str, octets: bytes, *, restart: int | None = None) -> Reply:
    """An upload, behind REST if it has an offset; the last reply, which may refuse it."""
    with control.open_data(restart=restart) as data:
        answer = control.command(line)
        if answer.code != 150:
            return answer
        data.sendall(octets)
    return control.reply()
