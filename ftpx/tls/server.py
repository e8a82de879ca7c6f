"""What all TLS sessions of a server share: certificates, and the rules of the handshake."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags
from twisted.logger import Logger

from ftpx.errors import ConfigurationError
from ftpx.tls.certificates import Identity
from ftpx.tls.credentials import Credentials
from ftpx.tls.openssl import PARTIAL_WRITES, select_protocol
from ftpx.tls.policy import ClientCertificates, TlsVersion
from ftpx.tls.session import TlsSession
from ftpx.tls.tickets import note_secret

__all__ = ["TlsRules", "TlsServer"]

# Forward secrecy and authenticated encryption only. Of what a client can do, the fastest that is sound is taken.
_CIPHERS_1_2 = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    b"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_CIPHERS_1_3 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

# The protocols that are spoken here (RFC 7301); FileZilla asks for the second one on data connections.
_PROTOCOLS = (b"ftp", b"ftp-data")

_VERSIONS = {TlsVersion.TLS_1_2: SSL.TLS1_2_VERSION, TlsVersion.TLS_1_3: SSL.TLS1_3_VERSION}

_VERIFY = {
    None: SSL.VERIFY_NONE,
    ClientCertificates.OPTIONAL: SSL.VERIFY_PEER,
    ClientCertificates.REQUIRED: SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
    ClientCertificates.LOGIN: SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}

# OpenSSL wants every context that verifies clients to have one. What binds a session to its control connection are
# the keys and the cache of that connection's own context.
_SESSION_ID_CONTEXT = b"ftpx"

# Data connections resume the control connection's session for as long as that lives: a week, TLS 1.3's longest.
_SESSION_LIFETIME = 7 * 24 * 3600


@attrs.frozen
class TlsRules:
    """What an operator decided about handshakes; ``client_certificates`` of ``None``: nobody is asked for one."""

    minimum: TlsVersion = TlsVersion.TLS_1_2
    client_certificates: ClientCertificates | None = None


class _Contexts:
    """The contexts of one set of credentials: one for each identity, with whatever the server shows or demands."""

    def __init__(self, credentials: Credentials, rules: TlsRules) -> None:
        self._credentials = credentials
        self._by_identity = {
            id(identity): self._make(identity, credentials, rules) for identity in credentials.identities
        }
        self.default = self._by_identity[id(credentials.identities[0])]

    def _make(self, identity: Identity, credentials: Credentials, rules: TlsRules) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_cipher_list(_CIPHERS_1_2)
        context.set_tls13_ciphersuites(_CIPHERS_1_3)
        context.set_session_id(_SESSION_ID_CONTEXT)
        leaf, *chain = identity.chain
        context.use_certificate(leaf)
        for certificate in chain:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(identity.key)
        select_protocol(context, _choose_protocol)
        context.set_keylog_callback(note_secret)
        context.set_tlsext_servername_callback(self._select_identity)
        if rules.client_certificates is not None:
            _trust(context, credentials)
        return context

    def _select_identity(self, connection: SSL.Connection) -> None:
        name = connection.get_servername()
        try:
            text = None if name is None else name.decode("ascii")
        except UnicodeDecodeError:
            return
        identity = self._credentials.identity_named(text)
        # A name that is unknown changes nothing: a data connection keeps the certificate of its control connection.
        if identity is not None:
            connection.set_context(self._by_identity[id(identity)])


def _trust(context: SSL.Context, credentials: Credentials) -> None:
    store = context.get_cert_store()
    if store is None:
        raise ConfigurationError("OpenSSL has no place for the authorities of client certificates.")
    for authority in credentials.authorities:
        store.add_cert(X509.from_cryptography(authority))
        context.add_client_ca(authority)
    for revocations in credentials.revocations:
        store.add_crl(revocations)
    if credentials.revocations:
        store.set_flags(X509StoreFlags.CRL_CHECK)


def _choose_protocol(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    for protocol in _PROTOCOLS:
        if protocol in offered:
            return protocol
    # An error here is alert 120, no_application_protocol (RFC 7301, section 3.2).
    raise SSL.Error([("ftpx", "ALPN", "the client wants another protocol than FTP")])


class TlsServer:
    """
    Begins TLS sessions.

    :param credentials: gives those that are current; a session keeps the ones it began with.
    :raises ConfigurationError: OpenSSL does not take a certificate or a key.
    """

    log = Logger()

    def __init__(self, credentials: Callable[[], Credentials], rules: TlsRules) -> None:
        self.rules = rules
        self._current = credentials
        self._seen = credentials()
        try:
            self._contexts = _Contexts(self._seen, rules)
        except SSL.Error as error:
            raise ConfigurationError(_refusal(error)) from None

    def session(self) -> TlsSession:
        """
        A session for one control connection and its data connections.

        It has a context of its own, and so keys for its tickets that no other has: a session that this context
        resumes was begun by this client, on this control connection or one of its data connections.
        """
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(_VERSIONS[self.rules.minimum])
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        # With whole blocks instead of single records, OpenSSL is called once for several of them.
        context.clear_mode(PARTIAL_WRITES)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_session_id(_SESSION_ID_CONTEXT)
        context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
        context.set_timeout(_SESSION_LIFETIME)
        context.set_verify(_VERIFY[self.rules.client_certificates])
        return TlsSession(context, self._identities().default)

    def _identities(self) -> _Contexts:
        current = self._current()
        if current is not self._seen:
            self._seen = current
            try:
                self._contexts = _Contexts(current, self.rules)
            except SSL.Error as error:
                reason = _refusal(error)
                # A fault of a file and not of ours, so without a traceback.
                self.log.error("{reason} The certificates from before stay in use.", reason=reason)  # noqa: TRY400
        return self._contexts


def _refusal(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args else ()
    text = ", ".join(str(reason[-1]) for reason in reasons) or "no reason given"
    return f"OpenSSL does not take a certificate or its key: {text}."
