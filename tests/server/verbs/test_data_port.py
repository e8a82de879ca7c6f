"""PORT, PASV, EPRT and EPSV."""

from __future__ import annotations

import re

from ftpx.errors import DataConnectionNotOpened
from ftpx.testing.server import MemoryClient, ServerHarness
from tests.server.doubles import ServerCase, codes


class PassiveTests(ServerCase):
    """Passive mode."""

    def test_passive(self) -> None:
        """PASV tells the local address and a port where only the client may connect."""
        reply = self.client.command("PASV")[0]
        self.assertEqual((reply.code, reply.lines), (227, ("Entering Passive Mode (127,0,0,1,195,80).",)))
        port = self.client.last_port
        self.assertEqual((port.host, port.port, port.peers), ("127.0.0.1", 50000, frozenset({"127.0.0.1"})))

    def test_passive_address(self) -> None:
        """PASV tells another address where the operator wants it; it listens on the local one."""

        async def announce(local: str) -> str:
            self.assertEqual(local, "127.0.0.1")
            return "203.0.113.9"

        server = ServerHarness(passive_address=announce)
        server.login()
        self.assertIn("(203,0,113,9,195,80)", server.command("PASV")[0].lines[0])
        self.assertEqual(server.data.ports[0].host, "127.0.0.1")

    def test_no_passive_address(self) -> None:
        """When the address cannot be told PASV is 425 and nothing listens."""

        async def announce(local: str) -> str:
            raise DataConnectionNotOpened

        server = ServerHarness(passive_address=announce)
        server.login()
        self.assertEqual(codes(server.command("PASV", "EPSV")), [425, 229])

    def test_extended(self) -> None:
        """DC29: EPSV tells a port, and takes the family that the connection has."""
        self.assertEqual(self.texts("EPSV"), "Entering Extended Passive Mode (|||50000|).")
        self.assertEqual(self.codes("EPSV 1", "EPSV 2", "EPSV 3", "EPSV x"), [229, 522, 522, 501])
        self.assertIn("(1)", self.texts("EPSV 2"))

    def test_flood(self) -> None:
        """DC25: of many ports only the last is open, whichever way they were asked for."""
        self.codes(*(["PASV", "EPSV", "PORT 127,0,0,1,20,0", "EPRT |1|127.0.0.1|5000|"] * 100))
        self.assertEqual([port.closed for port in self.server.data.ports], [True] * 399 + [False])

    def test_switch(self) -> None:
        """DC31: PORT behind PASV closes the listener."""
        self.codes("PASV", "PORT 127,0,0,1,20,0")
        self.assertTrue(self.server.data.ports[0].closed)
        self.assertEqual((self.client.last_port.host, self.client.last_port.port), ("127.0.0.1", 5120))

    def test_bad_port_keeps_the_good_one(self) -> None:
        """DC06: a PORT that is refused leaves the PASV before it."""
        self.put("a", b"content")
        self.client.command("EPSV", "PORT 1,2,3", "PORT 127,0,0,2,20,0")
        port = self.client.last_port
        self.client.command("RETR a")
        self.assertEqual(port.accept().sent, b"content")

    def test_exhausted(self) -> None:
        """DC26: no free port is 425, and later there is one again."""
        self.server.data.full = True
        self.assertEqual(self.codes("PASV", "EPSV", "NOOP"), [425, 425, 200])
        self.server.data.full = False
        self.assertEqual(self.codes("PASV"), [227])

    def test_all(self) -> None:
        """DC28: after EPSV ALL only EPSV sets up a data connection."""
        self.assertEqual(
            self.codes("EPSV ALL", "PASV", "PORT 127,0,0,1,20,0", "EPRT |1|127.0.0.1|5000|", "LPRT 4", "LPSV", "EPSV"),
            [200, 503, 503, 503, 503, 503, 229],
        )

    def test_never_connects(self) -> None:
        """DC10: a peer that never connects is 425 after a while."""
        self.put("a", b"x")
        self.assertEqual(self.codes("EPSV", "RETR a"), [229])
        self.server.clock.advance(30)
        self.assertEqual(codes(self.client.replies()), [425])
        self.assertEqual(self.codes("NOOP"), [200])
        self.assertTrue(self.client.last_port.closed)

    def test_one_use(self) -> None:
        """A data port is good for one transfer."""
        self.put("a", b"x")
        self.client.fetch("RETR a")
        self.assertEqual(self.codes("RETR a"), [425])


class ActiveTests(ServerCase):
    """Active mode."""

    def test_connects_when_wanted(self) -> None:
        """PORT connects only when a transfer begins, from the address of the control connection."""
        self.put("a", b"content")
        self.assertEqual(self.codes("PORT 127,0,0,1,20,0"), [200])
        port = self.client.last_port
        self.assertFalse(port.connecting)
        self.client.command("RETR a")
        self.assertEqual((port.connecting, port.source), (True, "127.0.0.1"))
        self.assertEqual(port.accept().sent, b"content")

    def test_refused(self) -> None:
        """DC11: a peer that refuses, or does not answer, is 425."""
        self.put("a", b"x")
        self.codes("EPRT |1|127.0.0.1|5000|", "RETR a")
        self.client.last_port.refuse()
        self.assertEqual(codes(self.client.replies()), [425])
        self.codes("EPRT |1|127.0.0.1|5000|", "RETR a")
        self.server.clock.advance(30)
        self.assertEqual(codes(self.client.replies()), [425])

    def test_bounce(self) -> None:
        """DC01, DC02, DC03: only to the client itself, and not to its low ports; nothing is dialled otherwise."""
        for line in (
            "PORT 127,0,0,2,20,0",
            "PORT 192,0,2,1,20,0",
            "PORT 127,0,0,1,0,22",
            "PORT 127,0,0,1,3,255",
            "EPRT |1|127.0.0.2|5000|",
            "EPRT |1|127.0.0.1|1023|",
            "EPRT |1|example.com|5000|",
        ):
            self.assertEqual(self.codes(line), [501], line)
        self.assertEqual(self.server.data.ports, [])

    def test_bounce_to_this_server(self) -> None:
        """DC03: a client on the server's own host cannot send the server to its own control port."""
        client = self.server.connect("192.0.2.1", ("192.0.2.1", 2121))
        client.login()
        client.replies()
        answers = client.command("PORT 192,0,2,1,8,73", "EPRT |1|192.0.2.1|2121|", "EPRT |1|192.0.2.1|2122|")
        self.assertEqual(codes(answers), [501, 501, 200])

    def test_forbidden(self) -> None:
        """Where active mode is off PORT and EPRT are 502, and FEAT does not promise them."""
        server = ServerHarness(active=False)
        server.login()
        self.assertEqual(codes(server.command("PORT 127,0,0,1,20,0", "EPRT |1|127.0.0.1|5000|")), [502, 502])
        self.assertNotIn(" EPRT", server.command("FEAT")[0].lines)
        self.assertIn(" EPRT", self.client.command("FEAT")[0].lines)


class FamilyTests(ServerCase):
    """IPv6, IPv4 in IPv6, and UNIX sockets."""

    def logged_in(self, client: str | None, server: str | None = None) -> MemoryClient:
        """A client from an address."""
        connected = self.server.connect(client, server)
        connected.login()
        connected.replies()
        return connected

    def test_ipv6(self) -> None:
        """On IPv6 only the extended commands work."""
        client = self.logged_in("2001:db8::2", "2001:db8::1")
        self.assertEqual(codes(client.command("PASV", "EPSV", "EPSV 2", "EPSV 1")), [522, 229, 229, 522])
        self.assertEqual((client.last_port.host, client.last_port.peers), ("2001:db8::1", frozenset({"2001:db8::2"})))
        self.assertEqual(
            codes(
                client.command(
                    "PORT 127,0,0,1,20,0",
                    "EPRT |1|127.0.0.1|5000|",
                    "EPRT |2|2001:DB8:0::2|5000|",
                    "EPRT |2|2001:db8::3|5000|",
                    "EPRT |2|2001:db8::2%eth0|5000|",
                )
            ),
            [522, 522, 200, 501, 501],
        )
        self.assertEqual((client.last_port.host, client.last_port.source), ("2001:db8::2", "2001:db8::1"))

    def test_link_local(self) -> None:
        """An address with a scope is the address."""
        client = self.logged_in("fe80::2%eth0", "fe80::1%eth0")
        self.assertEqual(codes(client.command("EPSV", "EPRT |2|fe80::2|5000|")), [229, 200])

    def test_ipv4_mapped(self) -> None:
        """DC04: IPv4 over an IPv6 socket is IPv4."""
        client = self.logged_in("::ffff:192.0.2.2", "::ffff:192.0.2.1")
        self.assertIn("(192,0,2,1,", client.command("PASV")[0].lines[0])
        self.assertEqual(client.last_port.peers, frozenset({"192.0.2.2"}))
        self.assertEqual(
            codes(
                client.command(
                    "PORT 192,0,2,2,20,0", "EPRT |2|::ffff:192.0.2.2|5000|", "EPRT |1|192.0.2.2|5000|", "EPSV 1"
                )
            ),
            [200, 200, 200, 229],
        )

    def test_unix(self) -> None:
        """Over a UNIX socket data connections are on the loopback interface."""
        client = self.logged_in(None)
        replies = client.command("PASV", "EPSV", "PORT 127,0,0,1,20,0")
        self.assertEqual(codes(replies), [227, 229, 200])
        self.assertTrue(re.search(r"\(127,0,0,1,", replies[0].lines[0]))


class ForeignTests(ServerCase):
    """FXP: data connections with hosts other than the client's."""

    def make_server(self) -> ServerHarness:
        """alice may, bob may not."""
        return ServerHarness(self.storage, users={"alice": "secret", "bob": "secret"}, fxp=frozenset({"alice"}))

    def logged_in(
        self, name: str = "alice", client: str = "198.51.100.2", server: str = "198.51.100.1"
    ) -> MemoryClient:
        """A client that is logged in."""
        connected = self.server.connect(client, (server, 2121))
        connected.login(name)
        connected.replies()
        return connected

    def test_active(self) -> None:
        """Who may is connected to any other host, and the log tells."""
        log = self.log()
        client = self.logged_in()
        for line in ("PORT 192,0,2,9,20,0", "EPRT |1|192.0.2.9|5120|", "EPRT |2|::ffff:192.0.2.9|5120|"):
            self.assertEqual(codes(client.command(line)), [200], line)
            port = client.last_port
            self.assertEqual((port.host, port.port, port.source), ("192.0.2.9", 5120, "198.51.100.1"))
        self.server.services.journal.flush()
        self.assertIn("the next data connection of alice from 198.51.100.2 goes to 192.0.2.9, port 5120", log)

    def test_transfer(self) -> None:
        """The transfer is like any other."""
        self.put("a", b"content")
        client = self.logged_in()
        client.command("PORT 192,0,2,9,20,0", "RETR a")
        peer = client.last_port.accept()
        client.settle()
        self.assertEqual((peer.sent, codes(client.replies())), (b"content", [150, 226]))

    def test_passive(self) -> None:
        """The port of who may takes a connection from anybody, that of others only from their own address."""
        for name, peers in (("alice", None), ("bob", frozenset({"198.51.100.2"}))):
            for line in ("PASV", "EPSV"):
                client = self.logged_in(name)
                client.command(line)
                self.assertEqual(client.last_port.peers, peers)

    def test_refused(self) -> None:
        """DC01 to DC03: not to this machine, not to low ports, not to what is no host; nothing is dialled."""
        client = self.logged_in()
        for line, code, text in (
            ("PORT 192,0,2,9,3,255", 501, "above 1023"),
            ("EPRT |1|192.0.2.9|25|", 501, "above 1023"),
            ("PORT 127,0,0,1,20,0", 504, "this server's own"),
            ("EPRT |1|198.51.100.1|5000|", 504, "this server's own"),
            ("EPRT |2|::ffff:127.0.0.1|5000|", 504, "this server's own"),
            ("PORT 0,0,0,0,20,0", 504, "not the address of a host"),
            ("PORT 255,255,255,255,20,0", 504, "not the address of a host"),
            ("PORT 169,254,169,254,20,0", 504, "one link"),
            ("EPRT |2|2001:db8::9|5000|", 522, "use (1)"),
            ("EPRT |1|example.com|5000|", 501, "family"),
        ):
            reply = client.command(line)[0]
            self.assertEqual(reply.code, code, line)
            self.assertIn(text, reply.lines[0])
        self.assertEqual(self.server.data.ports, [])

    def test_own_address(self) -> None:
        """The client's own address follows the rule for everybody."""
        client = self.logged_in()
        answers = client.command("PORT 198,51,100,2,20,0", "PORT 198,51,100,2,0,22")
        self.assertEqual(codes(answers), [200, 501])

    def test_others(self) -> None:
        """Who may not, anonymous users first, is refused as ever."""
        for name in ("bob", "anonymous"):
            client = self.logged_in(name)
            self.assertEqual(codes(client.command("PORT 192,0,2,9,20,0", "EPRT |1|192.0.2.9|5120|")), [501, 501])
        self.assertEqual(self.server.data.ports, [])

    def test_ipv6(self) -> None:
        """IPv6 too."""
        client = self.logged_in(client="2001:db8:1::2", server="2001:db8:1::1")
        answers = client.command("EPRT |2|2001:db8::9|5000|", "EPRT |2|fe80::9|5000|", "EPRT |2|::1|5000|")
        self.assertEqual(codes(answers), [200, 504, 504])

    def test_address_that_is_told(self) -> None:
        """The address that PASV tells is the server's own; while it cannot be looked up, nothing goes anywhere."""

        async def announce(local: str) -> str:
            if announced:
                return announced[0]
            raise DataConnectionNotOpened

        announced = ["203.0.113.9"]
        self.server = ServerHarness(self.storage, passive_address=announce, fxp=frozenset({"*"}))
        client = self.logged_in()
        lines = ("PORT 203,0,113,9,20,0", "PORT 192,0,2,9,20,0")
        self.assertEqual(codes(client.command(*lines)), [504, 200])
        announced.clear()
        self.assertEqual(codes(client.command(*lines)), [425, 425])

    def test_no_active_mode(self) -> None:
        """Where active mode is off, FXP goes by passive ports only."""
        self.server = ServerHarness(self.storage, active=False, fxp=frozenset({"*"}))
        self.assertEqual(codes(self.logged_in().command("PORT 192,0,2,9,20,0", "PASV")), [502, 227])
