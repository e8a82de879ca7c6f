"""Open the object store that an address names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from threading import Event
from time import monotonic
from typing import Any, Final

from ftpx.errors import ConfigurationError
from ftpx.storage.objects.address import ObjectAddress
from ftpx.storage.objects.obstore_network import network
from ftpx.storage.objects.retrying import Retries
from ftpx.storage.objects.s3_calls import S3Calls
from ftpx.storage.objects.store import IObjectStore

__all__ = ["open_object_store"]

_Wait = Callable[[float], object]

# A call that a user waits for ends within these, and the pauses before it; one that moves a part has so long for all of
# it, as obstore cannot tell a slow connection from one that is dead.
_PROMPT_SECONDS: Final = 4
_PATIENT_SECONDS: Final = 1200


def open_object_store(address: str, wait: _Wait | None = None) -> IObjectStore:
    """
    Open the store at an address, such as ``s3://bucket/prefix?region=eu-central-1``; see `ObjectAddress`.

    :param wait: blocks the thread of a call that is tried again for so many seconds.
    :raises ConfigurationError: it is no address, there are no credentials, or a library is missing.
    """
    parsed = ObjectAddress.parse(address)
    try:
        return _OPENERS[parsed.kind](parsed, wait or Event().wait)
    except ImportError as error:
        raise ConfigurationError(
            f"object: needs a library that is not installed ({error.name}): pip install 'ftpx[object]'."
        ) from None


def _memory(address: ObjectAddress, wait: _Wait) -> IObjectStore:
    from obstore.store import MemoryStore

    from ftpx.storage.objects.obstore_store import ObstoreStore

    return ObstoreStore(MemoryStore(), part_size=address.part_size, ordered=False)


def _directory(address: ObjectAddress, wait: _Wait) -> IObjectStore:
    from obstore.store import LocalStore

    from ftpx.storage.objects.obstore_store import ObstoreStore

    if not Path(address.bucket).is_dir():
        raise ConfigurationError(f"object: {address.bucket!r} is not a directory.")
    # A directory of which nothing is left must go, or a listing would still tell of it.
    store = LocalStore(prefix=address.bucket, automatic_cleanup=True)
    return ObstoreStore(store, part_size=address.part_size, ordered=False)


def _s3(address: ObjectAddress, wait: _Wait) -> IObjectStore:
    from ftpx.storage.objects.s3_client import s3_client
    from ftpx.storage.objects.s3_store import S3Store

    retries = Retries(monotonic, wait, SystemRandom().random)
    calls = S3Calls(s3_client(address, monotonic), address.bucket, address.prefix, retries)
    return S3Store(calls, part_size=address.part_size)


def _azure(address: ObjectAddress, wait: _Wait) -> IObjectStore:
    from obstore.store import AzureStore

    named = (("account_name", address.account), ("endpoint", address.endpoint))
    settings: dict[str, Any] = {name: value for name, value in named if value}
    return _provided(
        lambda seconds: AzureStore(address.bucket, **settings, **network(address, seconds, os.environ)), address
    )


def _google(address: ObjectAddress, wait: _Wait) -> IObjectStore:
    from obstore.store import GCSStore

    return _provided(lambda seconds: GCSStore(address.bucket, **network(address, seconds, os.environ)), address)


def _provided(make: Callable[[int], Any], address: ObjectAddress) -> IObjectStore:
    from obstore.exceptions import BaseError

    from ftpx.storage.objects.obstore_store import ObstoreStore

    try:
        prompt, patient = make(_PROMPT_SECONDS), make(_PATIENT_SECONDS)
    except (BaseError, ValueError) as error:
        # Its text may hold what stands in the environment.
        raise ConfigurationError(
            f"object: {address.kind}:// cannot be used as it is set up ({type(error).__name__}): look at the account"
            " and the credentials in the environment."
        ) from None
    return ObstoreStore(prompt, patient=patient, root=address.prefix, part_size=address.part_size, ordered=True)


_OPENERS: Final[dict[str, Callable[[ObjectAddress, _Wait], IObjectStore]]] = {
    "az": _azure,
    "file": _directory,
    "gs": _google,
    "memory": _memory,
    "s3": _s3,
}
