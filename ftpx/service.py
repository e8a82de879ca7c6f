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
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftpx.accounts.authentication import make_checker, make_portal
from ftpx.accounts.certificate import CertificateChecker
from ftpx.accounts.delay import LoginDelay
from ftpx.accounts.realm import Realm, safe_name
from ftpx.config import Config, Home
from ftpx.data.factory import DataConnections
from ftpx.errors import AlreadyExists, ConfigurationError
from ftpx.interfaces import IStorage
from ftpx.server.factory import ControlFactory, ImplicitTlsFactory
from ftpx.server.journal import Journal
from ftpx.server.passive_address import PassiveAddress
from ftpx.server.policy import Policy
from ftpx.server.session import Services
from ftpx.storage.pool import WorkerPool
from ftpx.storage.prefixed import subtree
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.registry import open_storage
from ftpx.tls.credentials import CredentialFiles
from ftpx.tls.policy import ClientCertificates, TlsPolicy
from ftpx.tls.reloading import CredentialSource
from ftpx.tls.self_signed import self_signed_file, state_directory
from ftpx.tls.server import TlsRules, TlsServer

__all__ = ["Entrance", "FtpService", "make_service"]

_log = Logger()

# A storage has threads of its own, so that a slow one keeps nobody from logging in.
_STORAGE_THREADS, _STORAGE_CALLS = 16, 4096
# Hashing takes memory as well as time, so only as many at once as there are cores to speak of.
_LOGIN_THREADS, _LOGIN_CALLS = 2, 512
# How long calls that hang may hold up the end, in seconds.
_LAST_CALLS = 5.0

_INTERNET = (
    # Replies are whole when they are written: waiting for more would only delay them.
    (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    # Urgent data may be any octet of an ABOR, its line end too: out of band it would be lost.
    (socket.SOL_SOCKET, socket.SO_OOBINLINE),
)
# Set on the sockets that listen: connections inherit them, and need no calls of their own.
_OPTIONS = {socket.AF_INET: _INTERNET, socket.AF_INET6: _INTERNET}


@attrs.frozen
class Entrance:
    """Where to listen; ``option`` is what the operator wrote."""

    option: str
    endpoint: IStreamServerEndpoint
    implicit_tls: bool = False


class FtpService(Service):
    """Listens, and ends in good order: no new sessions, then the grace for transfers, then the pools."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        entrances: Sequence[Entrance],
        factory: ControlFactory,
        pools: list[WorkerPool],
        *,
        grace: float,
        credentials: CredentialSource | None = None,
    ) -> None:
        self.setName("ftpx")
        self.factory = factory
        self._reactor = reactor
        self._entrances = entrances
        self._credentials = credentials
        self._pools = pools
        self._grace = grace
        self._ports: list[IListeningPort] = []
        self._listening = False

    def privilegedStartService(self) -> None:
        """
        Listen, while the process may still use low ports.

        :raises ConfigurationError: an endpoint cannot be listened on.
        """
        self._listening = True
        for entrance in self._entrances:
            failures: list[Failure] = []
            factory = ImplicitTlsFactory(self.factory) if entrance.implicit_tls else self.factory
            entrance.endpoint.listen(factory).addCallbacks(self._add, failures.append)
            for failure in failures:
                failure.trap(CannotListenError, OSError, OverflowError)
                raise ConfigurationError(f"{entrance.option}: cannot listen there: {_reason(failure)}.")
            self.log.info("listening: {option}", option=entrance.option)

    def _add(self, port: IListeningPort) -> None:
        # Ports that plugins bring need not have a socket.
        listener = getattr(port, "socket", None)
        if listener is not None:
            for level, option in _OPTIONS.get(listener.family, ()):
                listener.setsockopt(level, option, 1)
        self._ports.append(port)

    def startService(self) -> None:
        """Start the threads; and listen, under ``twist``, which knows no privileged start."""
        super().startService()
        if not self._listening:
            self.privilegedStartService()
        for pool in self._pools:
            pool.start()
        if self._credentials is not None:
            self._credentials.start()

    def stopService(self) -> Deferred[None]:
        """Stop accepting, let transfers end, stop the threads."""
        super().stopService()
        if self._credentials is not None:
            self._credentials.stop()
        return Deferred.fromCoroutine(self._stop())

    def end_grace(self) -> None:
        """End all sessions now."""
        self.factory.shut_down(0)

    def reload(self) -> None:
        """Read the certificates again; sessions go on as they are."""
        if self._credentials is None:
            self.log.info("There are no certificates, so there is nothing to reload.")
        else:
            Deferred.fromCoroutine(self._credentials.reload())

    async def _stop(self) -> None:
        ports, self._ports, self._listening = self._ports, [], False
        for port in ports:
            await _fired(port.stopListening())
        await self.factory.shut_down(self._grace)
        self.factory.services.journal.flush()
        for pool in self._pools:
            stopped = pool.stop().addTimeout(_LAST_CALLS, self._reactor)
            stopped.addErrback(lambda failure: self.log.warn("calls into the storage still hang; ending anyway"))
            await stopped


def _reason(failure: Failure) -> str:
    error = failure.value
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return getattr(cause, "strerror", None) or str(cause)


async def _fired(result: Any) -> None:
    """Wait for what may be a Deferred or nothing."""
    if isinstance(result, Deferred):
        await result


def _homes(root: IStorage, home: Home, read_only: bool) -> Callable[[str, bool], Awaitable[IStorage]]:
    """What an account sees of the storage, its rights in force."""

    async def own_directory(name: str) -> IStorage:
        path = (safe_name(name),)
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
    storage_pool = WorkerPool(reactor, _STORAGE_THREADS, _STORAGE_CALLS, "ftpx-storage")
    login_pool = WorkerPool(reactor, _LOGIN_THREADS, _LOGIN_CALLS, "ftpx-login")
    root = open_storage(config.storage, storage_pool)
    credentials = _credentials(config, login_pool, reactor)
    tls = None if credentials is None else _tls(config, credentials)
    checkers = [make_checker(description, login_pool) for description in config.auth]
    if tls is not None and tls.rules.client_certificates is ClientCertificates.LOGIN:
        checkers.append(CertificateChecker())
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
        ),
        clock=reactor,
        wall_clock=time.time,
        portal=make_portal(Realm(_homes(root, config.home, config.read_only)), checkers),
        data=DataConnections(reactor, config.data_timeout, config.passive_ports, secrets.SystemRandom()),
        delay=LoginDelay(reactor),
        journal=Journal(reactor),
        tls=tls,
        token=partial(secrets.token_hex, 8),
    )
    factory = ControlFactory(services, config.max_sessions, config.max_sessions_per_ip, _max_descriptor())
    return FtpService(
        reactor, entrances, factory, [storage_pool, login_pool], grace=config.shutdown_grace, credentials=credentials
    )
