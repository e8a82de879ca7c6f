"""The one place where a server is built: configuration in, Twisted service out."""

from __future__ import annotations

import os
import resource
import secrets
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger

from ftpx.accounts.authentication import make_checker, make_portal
from ftpx.accounts.banning import NoBans
from ftpx.accounts.certificate import CertificateChecker
from ftpx.accounts.delay import LoginDelay
from ftpx.accounts.realm import Realm, safe_name
from ftpx.config import Config, Home
from ftpx.data.factory import DataConnections
from ftpx.digests.computing import Computations
from ftpx.digests.digests import Digests
from ftpx.digests.store import DigestStore
from ftpx.errors import AlreadyExists, ConfigurationError, NotFound
from ftpx.interfaces import IDurable, IEventSink, IPartialUploads, IStorage, ITidied
from ftpx.lifetime import Entrance, FtpService, Part
from ftpx.ops.event_file import EventFile
from ftpx.ops.event_log import EventLog
from ftpx.ops.event_sinks import open_event_sink
from ftpx.ops.events import Events
from ftpx.ops.transfers import Transfers
from ftpx.reloading import Reloading
from ftpx.server.factory import ControlFactory
from ftpx.server.journal import Journal
from ftpx.server.passive_address import PassiveAddress
from ftpx.server.policy import Policy
from ftpx.server.rate_file import RateFile
from ftpx.server.rate_limits import RateLimits
from ftpx.server.rates import RateRule, RateTable
from ftpx.server.reservations import Reservations
from ftpx.server.session import Services
from ftpx.storage.deadline import StoragePool, with_deadline
from ftpx.storage.pool import WorkerPool
from ftpx.storage.prefixed import subtree
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.registry import open_storage
from ftpx.storage.tidying import PartialTidying, Tidying
from ftpx.tls.credentials import CredentialFiles
from ftpx.tls.policy import ClientCertificates, TlsPolicy
from ftpx.tls.reloading import CredentialSource
from ftpx.tls.self_signed import self_signed_file, state_directory
from ftpx.tls.server import TlsRules, TlsServer

if TYPE_CHECKING:
    from ftpx.user_base import UserBase

__all__ = ["make_service"]

_log = Logger()

# A storage has threads of its own, so that a slow one keeps nobody from logging in.
_STORAGE_THREADS, _STORAGE_CALLS = 16, 4096
# Hashing takes memory as well as time, so only as many at once as there are cores to speak of.
_LOGIN_THREADS, _LOGIN_CALLS = 2, 512
# PAM and directories may hang, and then hold up nobody who has a password here.
_ASKING_THREADS, _ASKING_CALLS = 16, 512
# What keeps a processor busy: digests and compression.
_COMPUTING_THREADS, _COMPUTING_CALLS = os.cpu_count() or 1, 1024
# One thread writes events: they stay in order, and nobody else waits where that hangs.
_EVENT_THREADS, _EVENT_CALLS = 1, 16
# A sink is given one call an event, so what waits there are events.
_SINK_CALLS = 10_000


def _homes(root: IStorage, home: Home, read_only: bool) -> Callable[[str, bool], Awaitable[IStorage]]:
    """What an account sees of the storage, its rights in force."""

    async def own_directory(name: str) -> IStorage:
        path = (safe_name(name),)
        with suppress(NotFound):
            return await subtree(root, path)
        with suppress(AlreadyExists):
            await root.make_directory(path)
        return await subtree(root, path)

    async def home_of(name: str, anonymous: bool) -> IStorage:
        storage = root if home is Home.SHARED or anonymous else await own_directory(name)
        return ReadOnlyStorage(storage) if read_only or anonymous else storage

    return home_of


def _entrances(reactor: Any, option: str, texts: Sequence[str], *, implicit_tls: bool = False) -> Iterator[Entrance]:
    for text in dict.fromkeys(texts):
        try:
            endpoint = serverFromString(reactor, text)
        except Exception as error:
            # Parsers of endpoint strings, those of plugins among them, raise what they like.
            raise ConfigurationError(f"{option} {text!r} is no port and no endpoint: {error}") from error
        yield Entrance(f"{option} {text}", endpoint, implicit_tls)


def _credentials(config: Config, pool: WorkerPool, reactor: Any) -> CredentialSource | None:
    """The certificates that a configuration names, if it names any."""
    certificates = tuple(config.tls_cert)
    if config.tls_self_signed:
        if certificates:
            raise ConfigurationError("--tls-cert and --tls-self-signed do not go together: use one of them.")
        names = (socket.gethostname(), "localhost", "127.0.0.1", "::1")
        certificates = (str(self_signed_file(state_directory(os.environ), datetime.now(UTC), names)),)
    for given, option in (
        (config.tls_key, "--tls-key"),
        (config.implicit_tls, "--implicit-tls"),
        (config.tls_policy, "--tls-policy"),
        (config.tls_client_ca, "--tls-client-ca"),
        (config.tls_allow_ccc, "--tls-allow-ccc"),
    ):
        if given and not certificates:
            raise ConfigurationError(f"{option} needs a certificate: give --tls-cert, or --tls-self-signed for a try.")
    for needing, option in ((config.tls_client_cert, "--tls-client-cert"), (config.tls_client_crl, "--tls-client-crl")):
        if needing is not None and config.tls_client_ca is None:
            raise ConfigurationError(f"{option} needs --tls-client-ca, the authorities that certificates come from.")
    if not certificates:
        return None
    files = CredentialFiles(certificates, tuple(config.tls_key), config.tls_client_ca, config.tls_client_crl)
    source = CredentialSource(files, pool, reactor, time.time)
    for identity in source.current.identities if config.tls_self_signed else ():
        _log.info(
            "The self-signed certificate is in {file}; its SHA-256 fingerprint is {fingerprint}",
            file=certificates[0],
            fingerprint=identity.fingerprint,
        )
    return source


def _tls(config: Config, source: CredentialSource) -> TlsServer:
    wanted = config.tls_client_cert
    if wanted is None and config.tls_client_ca is not None:
        wanted = ClientCertificates.REQUIRED
    return TlsServer(lambda: source.current, TlsRules(config.tls_min_version, wanted))


def _rates(config: Config, pool: WorkerPool, reactor: Any) -> tuple[RateLimits, list[Part]]:
    """The rates that a configuration has, and what watches the file that some of them come from."""
    if config.rates is None:
        return RateLimits(reactor, RateTable(config.rate)), []

    def change(rules: tuple[RateRule, ...]) -> None:
        limits.change(RateTable((*config.rate, *rules)))

    file = RateFile(config.rates, pool, reactor, change)
    limits = RateLimits(reactor, RateTable((*config.rate, *file.current)), changing=True)
    return limits, _watching(file, "the file of rates")


def _watching(source: Reloading[Any] | None, name: str) -> list[Part]:
    if source is None:
        return []
    return [Part(name=name, start=source.start, stop=source.stop, reload=source.reload, serves_sessions=False)]


def _pool_part(name: str, pool: StoragePool) -> Part:
    return Part(name=name, start=pool.start, stop=pool.stop)


def _events(config: Config, reactor: Any) -> tuple[list[EventFile], list[Part]]:
    """The file of events, if there is to be one, with the pool that writes it."""
    if config.events is None:
        return [], []
    pool = WorkerPool(reactor, _EVENT_THREADS, _EVENT_CALLS, "ftpx-events")
    file = EventFile(config.events, pool, reactor, time.time)
    return [file], [
        Part(name="the file of events", stop=file.stop, reload=file.reopen),
        _pool_part("the writing of events", pool),
    ]


def _event_sinks(config: Config, reactor: Any) -> tuple[list[IEventSink], list[Part]]:
    """The sinks that plugins bring, each with a pool of its own."""
    sinks: list[IEventSink] = []
    parts: list[Part] = []
    for number, spec in enumerate(config.event_sink, 1):
        pool = WorkerPool(reactor, _EVENT_THREADS, _SINK_CALLS, f"ftpx-event-sink-{number}")
        sinks.append(open_event_sink(spec, pool))
        parts.append(_pool_part(f"the event sink {spec.partition(':')[0]}", pool))
    return sinks, parts


def _tidying(config: Config, root: IStorage, reactor: Any) -> list[Part]:
    """What throws away what has expired: uploads that broke off, and what else the storage keeps for some time."""
    if config.read_only:
        return []
    tidyings: list[Tidying] = []
    partials, tidied = IPartialUploads(root, None), ITidied(root, None)
    if partials is not None:
        tidyings.append(PartialTidying(partials, config.partial_lifetime, reactor))
    if tidied is not None:
        tidyings.append(Tidying(tidied.tidy, "the storage", reactor))
    return [Part(name="tidying", start=each.start, stop=each.stop, serves_sessions=False) for each in tidyings]


def _is_in(file: str, directory: str) -> bool:
    """Whether a file, which need not be there, is in a directory or below."""
    top = os.path.realpath(os.path.expanduser(directory))
    return os.path.commonpath([top, os.path.realpath(file)]) == top


def _user_base(config: Config, root: IStorage, reactor: Any, login_pool: WorkerPool) -> UserBase | None:
    """The users of the database, if there is one."""
    if config.accounts is None:
        return None
    if config.home is not Home.SHARED:
        raise ConfigurationError("--home and --accounts do not go together: the accounts say where homes are.")
    kind, _, directory = config.storage.partition(":")
    file = config.accounts.removeprefix("sqlite:")
    if kind == "local" and file != config.accounts and _is_in(file, directory):
        raise ConfigurationError("--accounts: that file is in the directory that is served; keep it elsewhere.")
    try:
        from ftpx.user_base import open_user_base
    except ImportError as error:
        raise ConfigurationError(
            f"--accounts needs libraries that are not installed ({error.name}): pip install 'ftpx[accounts]'."
        ) from None
    return open_user_base(
        config.accounts,
        root,
        reactor,
        login_pool,
        read_only=config.read_only,
        storage_deadline=config.storage_deadline,
    )


def _max_descriptor() -> int:
    """The highest descriptor for a session, which leaves a quarter of all, up to 256, to files and data connections."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft - min(soft // 4, 256)


def make_service(config: Config, reactor: Any) -> FtpService:
    """
    Build a server.

    :param reactor: provides time, descriptors, threads, names and what the endpoints need.
    :raises ConfigurationError: a setting cannot be used. Nothing listens yet.
    """
    entrances = [
        *_entrances(reactor, "--port", config.port),
        *_entrances(reactor, "--implicit-tls", config.implicit_tls, implicit_tls=True),
    ]
    storage_pool = with_deadline(
        WorkerPool(reactor, _STORAGE_THREADS, _STORAGE_CALLS, "ftpx-storage"),
        reactor,
        config.storage_deadline,
        secrets.SystemRandom().random,
        threads=_STORAGE_THREADS,
        name="the storage",
    )
    login_pool = WorkerPool(reactor, _LOGIN_THREADS, _LOGIN_CALLS, "ftpx-login")
    asking_pool = WorkerPool(reactor, _ASKING_THREADS, _ASKING_CALLS, "ftpx-asking")
    computing_pool = WorkerPool(reactor, _COMPUTING_THREADS, _COMPUTING_CALLS, "ftpx-computing")
    root = open_storage(config.storage, storage_pool)
    if config.fsync and not IDurable.providedBy(root):
        raise ConfigurationError(f"--fsync: the storage {config.storage!r} cannot promise that anything is on a disk.")
    credentials = _credentials(config, login_pool, reactor)
    tls = None if credentials is None else _tls(config, credentials)
    user_base = _user_base(config, root, reactor, login_pool)
    descriptions = config.auth or (("anonymous",) if user_base is None else ())
    checkers = [make_checker(description, login_pool, asking_pool) for description in descriptions]
    if user_base is not None:
        checkers.append(user_base.checker)
    if tls is not None and tls.rules.client_certificates is ClientCertificates.LOGIN:
        checkers.append(CertificateChecker())
    journal = Journal(reactor)
    event_file, event_parts = _events(config, reactor)
    plugged, sink_parts = _event_sinks(config, reactor)
    sinks: list[IEventSink] = [EventLog(journal.later), *event_file, *plugged]
    transfers = Transfers(reactor, time.time, Events(sinks))
    rates, rate_parts = _rates(config, login_pool, reactor)
    services = Services(
        policy=Policy(
            banner=config.banner,
            idle_timeout=config.idle_timeout,
            login_timeout=config.login_timeout,
            active=not config.no_active,
            symbolic_links=config.symbolic_links,
            hide_owners=config.hide_owners,
            passive_address=PassiveAddress(reactor, reactor.resolve, config.passive_address).announce,
            unique_key=secrets.token_bytes(16),
            tls_policy=TlsPolicy.OPTIONAL if tls is None else config.tls_policy or TlsPolicy.REQUIRED,
            data_session=config.tls_data_session,
            allow_ccc=config.tls_allow_ccc,
            digest=config.digest,
            verify_companions=config.verify_companions,
            fsync=config.fsync,
            partial_lifetime=config.partial_lifetime,
            deflate_level=config.deflate_level,
            deflate_ratio=config.deflate_ratio,
            fxp=frozenset(config.fxp),
        ),
        clock=reactor,
        wall_clock=time.time,
        portal=make_portal(
            Realm(_homes(root, config.home, config.read_only)) if user_base is None else user_base.realm, checkers
        ),
        data=DataConnections(reactor, config.data_timeout, config.passive_ports, secrets.SystemRandom()),
        delay=LoginDelay(reactor),
        bans=NoBans() if user_base is None else user_base.bans,
        journal=journal,
        transfers=transfers,
        computing=computing_pool,
        digests=Digests(DigestStore(), Computations(computing_pool), time.time),
        reservations=Reservations(),
        rates=rates,
        tls=tls,
        token=partial(secrets.token_hex, 8),
    )
    factory = ControlFactory(services, config.max_sessions, config.max_sessions_per_ip, _max_descriptor())
    parts = [
        *_watching(credentials, "the certificates"),
        *rate_parts,
        *(() if user_base is None else user_base.parts),
        _pool_part("calls into the storage", storage_pool),
        _pool_part("the verification of passwords", login_pool),
        _pool_part("logins that others are asked about", asking_pool),
        _pool_part("digests and compression", computing_pool),
        *_tidying(config, root, reactor),
        Part(name="the progress of transfers", start=transfers.start, stop=transfers.stop),
        # Transfers that were broken off have come to their end only with the last calls of the pools.
        Part(name="the journal", stop=journal.flush),
        *event_parts,
        *sink_parts,
    ]
    return FtpService(reactor, entrances, factory, parts, grace=config.shutdown_grace)
