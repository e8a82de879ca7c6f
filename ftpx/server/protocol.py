"""The control connection: octets in, commands in turn, replies out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.errors import FtpxError
from ftpx.running import begin
from ftpx.server.addresses import Addresses, addresses_of, client_of
from ftpx.server.command_queue import CommandQueue
from ftpx.server.control_tls import ControlTls
from ftpx.server.gate import gate
from ftpx.server.outcome import reply_for
from ftpx.server.output import Output
from ftpx.server.session import Session
from ftpx.server.state import Login, Pending
from ftpx.server.verb import DuringTransfer, Verb
from ftpx.server.verbs import COMMANDS
from ftpx.tls.channel import Channel, TlsFailed
from ftpx.wire.commands import Command
from ftpx.wire.lines import EndlessLine
from ftpx.wire.replies import Reply

if TYPE_CHECKING:
    from ftpx.server.factory import ControlFactory

__all__ = ["ControlProtocol"]

# How long a peer may take to read the last reply before the connection is cut, in seconds.
_CLOSING_TIME = 10.0

# How many commands of one peer run before the reactor looks at the others.
_COMMANDS_A_TURN = 100

# How long a peer may take for its TLS handshake, in seconds.
_HANDSHAKE_TIME = 10.0

# The verbs of HTTP and SMTP: a browser or a mailer was tricked into talking to this port, and what it sends behind
# them is somebody else's (CVE-2021-3618).
_HTTP_VERBS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PRI"}
_SMTP_VERBS = {"HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA"}
_FOREIGN_VERBS = frozenset(_HTTP_VERBS | _SMTP_VERBS)

_ABORTED = Reply(426, "Command aborted; data connection closed.")
_BUG = Reply(451, "The server failed at this; the operator finds the reason in the log.")
_ENDLESS = Reply(421, "A command line without end; closing.")
_FOREIGN = Reply(421, "This is an FTP server; closing.")
_IDLE = Reply(421, "Nothing was asked for too long; closing.")
_TOO_SLOW_TO_LOG_IN = Reply(421, "The login took too long; closing.")


@attrs.define
class _Running:
    """The command that takes time."""

    verb: Verb
    deferred: Deferred[Reply]
    interrupted: bool = False


@implementer(IPushProducer)
class ControlProtocol(Protocol):
    """
    One control connection.

    Commands run one after another. While one runs, those that may act at once do so when they
    are next in line, and an ABOR that belongs to the running one ends it; so replies always
    stand in the order of the commands. Reading pauses while the queue is full or the peer does
    not read its replies.
    """

    log = Logger()
    # What the server endpoints of Twisted give; IConsumer and IPushProducer are not said in ITransport.
    transport: Any = None

    def __init__(self, factory: ControlFactory, *, implicit: bool = False) -> None:
        self.factory = factory
        self.implicit = implicit
        self.client = ""
        self.session = Session(factory.services, self, COMMANDS)
        self._clock = factory.services.clock
        self._now = self._clock.seconds
        self._queue = CommandQueue()
        self._running: _Running | None = None
        self._pumping = False
        self._blocked = False
        self._reading = True
        self._closing = False
        self._finishing = False
        self._last_word: Reply | None = None
        self._lost = False
        self._drained: list[Deferred[None]] = []
        self._last_activity = 0.0
        self._log_in_by = 0.0
        self._timer: IDelayedCall | None = None
        self._identified = False
        self._addresses: Addresses | None = None
        self._tls: ControlTls | None = None

    # The connection's life

    def connectionMade(self) -> None:
        """Say 220, or 421 to one session too many; behind the handshake where TLS is implicit."""
        self._output = Output(self.transport, self)
        refusal = self.factory.admit(self)
        if refusal is None and not hasattr(self.transport, "transport"):
            # Behind a wrapper the client's address may come with the first octets only.
            refusal = self._identify()
        if refusal is not None:
            if self.implicit:
                # Nothing can be said before a handshake, and that would be work for nobody.
                self._break_off()
            else:
                self.close(refusal)
            return
        policy = self.session.policy
        self._last_activity = self._now()
        self._log_in_by = self._last_activity + policy.login_timeout
        if self.implicit:
            self._begin_implicit_tls()
        else:
            self.send(self.factory.greeting)
            self._look_again_in(min(policy.login_timeout, policy.idle_timeout))

    def dataReceived(self, data: bytes) -> None:
        """Queue the commands and run what may run."""
        if self._finishing or self._closing:
            return
        if not self._identified:
            refusal = self._identify()
            if refusal is not None:
                self.close(refusal)
                return
        if self._tls is not None:
            data = self._from_tls(self._tls, data)
        try:
            self._queue.feed(data)
        except EndlessLine:
            self.close(_ENDLESS)
            return
        self._pump()
        if self._tls is not None and self._tls.peer_ended and not (self._closing or self._lost):
            self._break_off()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End what runs, and the login."""
        self._lost = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._queue.clear()
        self._output.end()
        if self._running is None:
            self.session.end()
        else:
            self._interrupt()
        waiting, self._drained = self._drained, []
        for deferred in waiting:
            deferred.cancel()
        self.factory.release(self)

    def descriptor(self) -> int:
        """The number of the connection's descriptor; -1 if it has none."""
        fileno = getattr(self.transport, "fileno", None)
        return -1 if fileno is None else int(fileno())

    def addresses(self) -> Addresses:
        """The two ends; most sessions that are short never ask."""
        if self._addresses is None:
            self._addresses = addresses_of(self.transport)
        return self._addresses

    def _identify(self) -> Reply | None:
        """Take the client's address as final, and count the session for it."""
        self._identified = True
        self.client = client_of(self.transport)
        refusal: Reply | None = self.factory.identify(self, self.client)
        return refusal

    # TLS

    @property
    def secured(self) -> bool:
        """Whether the control connection speaks TLS."""
        return self._tls is not None and self._tls.secured

    def certified_name(self) -> str | None:
        """The name in the certificate that the client has shown by TLS."""
        return None if self._tls is None else self._tls.certified_name()

    def send_ticket(self) -> None:
        """Give the client a ticket for another data connection, with the next reply."""
        if self._tls is not None:
            self._tls.send_ticket()

    def begin_tls(self, channel: Channel) -> None:
        """Speak TLS behind the reply to the command under way; what came in clear behind the command is dropped."""
        self._queue.clear()
        if self._tls is None:
            self._tls = ControlTls(self._output)
        self._tls.begin(channel)

    def end_tls(self) -> None:
        """Speak in clear behind the reply to the command under way."""
        self._queue.clear()
        if self._tls is not None:
            self._tls.end()

    def _begin_implicit_tls(self) -> None:
        tls = self.factory.services.tls
        assert tls is not None  # noqa: S101 - there is no implicit port without a certificate
        self.session.tls = tls.session()
        self.session.state.protect()
        self._tls = ControlTls(self._output)
        self._tls.begin(self.session.tls.control())
        self._switch_tls(self._tls)

    def _switch_tls(self, tls: ControlTls) -> None:
        if tls.switch():
            self._look_again_in(_HANDSHAKE_TIME)

    def _from_tls(self, tls: ControlTls, octets: bytes) -> bytes:
        """The commands in what came by TLS."""
        greets = tls.shaking_hands
        try:
            said = tls.receive(octets)
        except TlsFailed as error:
            self._tls_failed(str(error))
            return b""
        if greets and not tls.shaking_hands:
            if self.implicit:
                self.send(self.factory.greeting)
            self._look_again_in(0)
        return said

    def _tls_failed(self, reason: str) -> None:
        self.factory.services.journal.info("TLS with {client} failed: {reason}", client=self.client, reason=reason)
        self._break_off()

    # Writing

    def send(self, reply: Reply) -> None:
        """Write a reply; nothing goes out behind the one that closes the connection."""
        self.write(reply.encode())

    def write(self, octets: bytes) -> None:
        """Write octets of a reply; in a series of commands, together with the replies to the others."""
        if self._lost or self._closing or (self._tls is not None and self._tls.shaking_hands):
            return
        self._output.write(octets)
        if not self._pumping:
            self._output.flush()

    def drained(self) -> Deferred[None]:
        """Fires when the peer has taken enough of what was written."""
        deferred: Deferred[None] = Deferred()
        if self._blocked:
            self._drained.append(deferred)
        else:
            deferred.callback(None)
        return deferred

    def pauseProducing(self) -> None:
        """The peer does not read: run and read no more commands."""
        self._blocked = True
        self._read_or_pause()

    def resumeProducing(self) -> None:
        """The peer reads again."""
        self._blocked = False
        self._last_activity = self._now()
        waiting, self._drained = self._drained, []
        for deferred in waiting:
            deferred.callback(None)
        self._pump()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` does what is to be done."""

    def close(self, reply: Reply) -> None:
        """Say a last word and close, whatever is under way."""
        if self._lost or self._closing:
            return
        self.send(reply)
        self._break_off()

    def finish(self, last_word: Reply | None = None) -> None:
        """Close when the command under way is done, with a last word; later commands are dropped."""
        self._finishing = True
        self._last_word = last_word
        self._queue.clear()

    def close_when_idle(self, reply: Reply) -> None:
        """Close now, or when the transfer under way is done."""
        if self._running is None:
            self.close(reply)
        else:
            self.finish(reply)

    def _break_off(self) -> None:
        self._lose()
        self._interrupt()

    def _lose(self) -> None:
        self._closing = True
        self._queue.clear()
        if self._tls is not None:
            self._tls.leave()
        if not self._output.close():
            self._look_again_in(_CLOSING_TIME)

    # Running commands

    def _pump(self) -> None:
        """Run commands until one takes time, the peer has to read first, or others are due."""
        if self._pumping:
            return
        self._pumping = True
        try:
            for _ in range(_COMMANDS_A_TURN):
                if not self._queue.items:
                    break
                if self._takes and (self._running is None or self._next_acts_beside(self._running)):
                    self._last_activity = self._now()
                    reply = self._begin(self._queue.take())
                    if reply is not None:
                        self._output.write(reply.encode())
                elif self._running is not None and self._abort_is_due(self._running):
                    self.session.aborted = True
                    self._interrupt()
                else:
                    break
            else:
                self._clock.callLater(0, self._pump)
        except EndlessLine:
            self.close(_ENDLESS)
        finally:
            self._pumping = False
        self._output.flush()
        if self._queue.items or not self._reading or self._blocked:
            self._read_or_pause()
        if self._running is None and (self._finishing or self._tls is not None):
            self._turn_over()

    def _turn_over(self) -> None:
        """Do what commands have asked for behind their replies."""
        if self._tls is not None:
            self._switch_tls(self._tls)
        if not self._finishing or self._closing or self._lost:
            return
        if self._last_word is not None:
            self.send(self._last_word)
        self._lose()

    @property
    def _takes(self) -> bool:
        """Whether commands are run at all now."""
        return not (self._blocked or self._finishing or self._closing or self._lost)

    def _next_acts_beside(self, running: _Running) -> bool:
        """Whether the next in line acts while another command runs."""
        item = self._queue.items[0]
        verb = COMMANDS.get(item.verb) if isinstance(item, Command) else None
        if verb is None or not running.verb.opens_data:
            return False
        acts = verb.during_transfer
        bare = isinstance(item, Command) and item.argument is None
        return acts is DuringTransfer.ACTS or (acts is DuringTransfer.ACTS_WITHOUT_ARGUMENT and bare)

    def _abort_is_due(self, running: _Running) -> bool:
        """Whether an ABOR waits that belongs to what runs: before the command of another transfer."""
        if running.interrupted or self.session.committing or not running.verb.abortable:
            return False
        for item in self._queue.items:
            verb = COMMANDS.get(item.verb) if isinstance(item, Command) else None
            if verb is not None and (verb.name == "ABOR" or verb.abortable):
                return verb.name == "ABOR"
        return False

    def _begin(self, item: Command | Reply) -> Reply | None:
        """Run a command: the reply to it, or ``None`` if it takes time and answers later."""
        if isinstance(item, Reply):
            return item
        known = COMMANDS.get(item.verb)
        if known is None and item.verb in _FOREIGN_VERBS:
            self.close(_FOREIGN)
            return None
        self.session.state.forget(Pending.NOTHING if known is None else known.keeps)
        admitted = gate(COMMANDS, self.session.state, item, self.session.policy.tls_policy)
        if isinstance(admitted, Reply):
            return admitted
        verb, value = admitted
        try:
            outcome = verb.run(self.session, value)
            result = outcome if isinstance(outcome, Reply) else begin(outcome)
        except Exception as error:
            return self._reply_for(error, verb)
        if isinstance(result, Reply):
            return result
        self._running = _Running(verb, result)
        result.addErrback(self._failed, verb).addCallback(self._done)
        return None

    def _failed(self, failure: Failure, verb: Verb) -> Reply:
        return self._reply_for(failure.value, verb)

    def _reply_for(self, error: BaseException | None, verb: Verb) -> Reply:
        """What to say of a command that raised."""
        if isinstance(error, FtpxError):
            return reply_for(error)
        if isinstance(error, CancelledError):
            return _ABORTED
        self.log.failure("{verb} failed", Failure(error), verb=verb.name)
        return _BUG

    def _done(self, reply: Reply) -> None:
        self.send(reply)
        self._running = None
        self._last_activity = self._now()
        if self._lost:
            self.session.end()
        else:
            self._pump()

    def _interrupt(self) -> None:
        """End the command that runs, unless it is just making its work lasting."""
        if self._running is not None and not self._running.interrupted and not self.session.committing:
            self._running.interrupted = True
            self._running.deferred.cancel()

    # Reading and time

    def _read_or_pause(self) -> None:
        """Read exactly while there is room for commands and the peer takes replies."""
        wanted = not (self._blocked or self._queue.full)
        if wanted is self._reading or self._lost or self._closing:
            return
        self._reading = wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def _look_again_in(self, seconds: float) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.reset(seconds)
        else:
            self._timer = self._clock.callLater(seconds, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        """One timer for all time limits: nearly all sessions end before it goes off."""
        if self._closing:
            abort = getattr(self.transport, "abortConnection", self.transport.loseConnection)
            abort()
            return
        if self._tls is not None and self._tls.shaking_hands:
            self._tls_failed("no handshake in time")
            return
        now, limit = self._now(), self.session.policy.idle_timeout
        busy = self._running is not None and not self._blocked
        idle_left = limit if busy else self._last_activity + limit - now
        login_left = limit if self.session.state.login is Login.DONE else self._log_in_by - now
        if login_left <= 0:
            self.close(_TOO_SLOW_TO_LOG_IN)
        elif idle_left <= 0:
            self.close(_IDLE)
        else:
            self._look_again_in(min(idle_left, login_left))
