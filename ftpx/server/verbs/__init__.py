"""The verbs of the protocol, one module for each group of commands."""

from __future__ import annotations

from collections.abc import Mapping

from ftpx.server.verb import Verb
from ftpx.server.verbs import (
    access,
    attributes,
    data_port,
    digests,
    directories,
    files,
    information,
    listing,
    negotiation,
    security,
    site,
    transfer,
)

__all__ = ["COMMANDS"]

_GROUPS = (
    access,
    security,
    directories,
    data_port,
    negotiation,
    transfer,
    files,
    listing,
    attributes,
    digests,
    site,
    information,
)

COMMANDS: Mapping[str, Verb] = {verb.name: verb for group in _GROUPS for verb in group.VERBS}
