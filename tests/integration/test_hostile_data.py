"""Hostile cases of setting up data connections: bounces, thieves, stalls."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from tests.integration.cases import AUTH, checksum, content
from tests.integration.control import Control, port_argument, read_all
from tests.integration.data_cases import DataTestCase
from tests.integration.server import FtpxServer, free_port
from tests.integration.waiting import eventually


class BounceTests(DataTestCase):
    """DC01 to DC03: the server connects to nobody but the control peer."""

    def refused(self, control: Control, *lines: str) -> None:
        """None of the commands is accepted, and there is no data connection to use."""
        self.make("file", b"data")
        for line in lines:
            with self.subTest(line=line):
                self.assertIn(control.command(line).code, (500, 501, 504, 522))
                self.assertIn(control.command("RETR file").code, (425, 503))

    def test_other_address(self) -> None:
        """DC01: PORT and EPRT to another address are refused, and nobody is connected to."""
        with self.listener("127.0.0.2") as listener:
            port = listener.getsockname()[1]
            control = self.login()
            self.refused(control, f"PORT {port_argument('127.0.0.2', port)}", f"EPRT |1|127.0.0.2|{port}|")
            self.assertEqual(select.select([listener], [], [], 0)[0], [])

    def test_low_ports(self) -> None:
        """DC02: ports below 1024 are refused, the peer's own address or not."""
        lines = [f"PORT {port_argument('127.0.0.1', port)}" for port in (0, 1, 22, 25, 1023)]
        self.refused(self.login(), *lines, "EPRT |1|127.0.0.1|80|", "EPRT |1|127.0.0.1|0|", "EPRT |1|127.0.0.1|65536|")

    def test_to_the_server_itself(self) -> None:
        """DC03: the server's own control port is no peer to send a file to."""
        control = self.login()
        before = self.server.log.count("opened from")
        self.refused(
            control, f"PORT {port_argument('127.0.0.1', self.server.port)}", f"EPRT |1|127.0.0.1|{self.server.port}|"
        )
        self.assertEqual(self.server.log.count("opened from"), before)

    def test_forms(self) -> None:
        """DC04, DC05: malformed addresses are refused and names are never looked up."""
        self.refused(
            self.login(), "PORT 1,2,3", "PORT 127,0,0,1,300,1", "PORT -1,0,0,1,200,1", "PORT a,b,c,d,e,f",
            "PORT 127,0,0,1,200,1,1", "EPRT |3|127.0.0.1|50000|", "EPRT |1|localhost|50000|", "EPRT |1|127.0.0.1|",
            "EPRT", "PORT", "EPRT |2|fe80::1%lo|50000|", "PORT \u0661\u0662\u0667,0,0,1,200,1",
        )  # fmt: skip


class PassiveTests(DataTestCase):
    """Who may connect to a passive port, when, and what remains of it."""

    def test_theft(self) -> None:
        """DC07: a connection from another address is closed, and the owner still gets through."""
        self.make("file", b"for the owner")
        control = self.login()
        address = control.passive()
        with control.connect_data(address, source="127.0.0.3") as thief:
            control.send(b"RETR file\r\n")
            stolen = b""
            with contextlib.suppress(ConnectionError):
                stolen = read_all(thief)
            self.assertEqual(stolen, b"")
            with control.connect_data(address) as owner:
                control.expect_reply(150)
                self.assertEqual(read_all(owner), b"for the owner")
            control.expect_reply(226)

    def test_one_connection_a_port(self) -> None:
        """DC09: of three connections to one port one is used, the others are closed."""
        self.make("file", b"once")
        control = self.login()
        address = control.extended_passive()
        with contextlib.ExitStack() as stack:
            connections = []
            for _ in range(3):
                with contextlib.suppress(ConnectionError):
                    connections.append(stack.enter_context(control.connect_data(address)))
            control.expect("RETR file", 150)
            received = []
            for connection in connections:
                with contextlib.suppress(ConnectionError):
                    received.append(read_all(connection))
        control.expect_reply(226)
        self.assertEqual(b"".join(received), b"once")

    def test_data_before_command(self) -> None:
        """DC15: octets that come before a command stay in the kernel; the command gets all of them."""
        control = self.login()
        self.begin_upload(control, "warm", content(100_000)).close()
        control.expect_reply(226)
        process = self.server.process
        process.reset_peak_memory()
        before = process.memory
        sent = content(64 << 20, 60)
        data = control.open_data()
        self.addCleanup(data.close)
        data.setblocking(False)
        pending = memoryview(sent)
        while pending and select.select([], [data], [], 0.5)[1]:
            pending = pending[data.send(pending[: 1 << 20]) :]
        self.assertTrue(pending, "the server reads what nobody asked it to read")
        self.assertLess(process.peak_memory - before, 1 << 20)
        control.expect("STOR file", 150)
        data.settimeout(20)
        data.sendall(pending)
        data.close()
        control.expect_reply(226)
        self.assertEqual(checksum(self.server.root / "file"), checksum(sent))

    def test_flood(self) -> None:
        """DC25: thousands of PASV and EPSV leave one listening port."""
        control = self.login()
        quiet = self.quiet_descriptors()
        for _ in range(20):
            control.send(b"PASV\r\nEPSV\r\n" * 50)
            for _ in range(50):
                control.expect_reply(227)
                control.expect_reply(229)
            self.assertLessEqual(self.server.process.descriptors, quiet + 3)
        self.assertLessEqual(len(self.server.process.listening_ports - {self.server.port}), 1)
        control.close()
        self.assert_descriptors(quiet)

    def test_epsv_all(self) -> None:
        """DC28: after EPSV ALL only EPSV is taken."""
        control = self.login()
        control.expect("EPSV ALL", 200)
        for line in ("PASV", "PORT 127,0,0,1,200,200", "EPRT |1|127.0.0.1|50000|", "LPRT 4,4,127,0,0,1,2,200,200"):
            control.expect(line, 500, 501, 502, 503, 522)
        self.assertEqual(control.retrieve("NLST"), b"")

    def test_transfers_without_a_port(self) -> None:
        """DC30: a transfer without PASV or PORT is 425 or 503 at once, and nothing is made or read."""
        self.make("file", b"data")
        control = self.login()
        for line in ("RETR file", "STOR new", "APPE new", "STOU", "LIST", "NLST", "MLSD"):
            control.expect(line, 425, 503)
        self.assert_only(file=b"data")

    def test_one_transfer_a_port(self) -> None:
        """DC30: a port is good for one transfer."""
        self.make("file", b"data")
        control = self.login()
        control.retrieve("RETR file")
        control.expect("RETR file", 425, 503)

    def test_switch_to_active(self) -> None:
        """DC31: PORT closes the passive port, PASV drops the active one."""
        self.make("file", b"data")
        control = self.login()
        address = control.passive()
        with control.listen_data() as listener:
            with self.assertRaises(ConnectionRefusedError):
                control.connect_data(address)
            control.send(b"RETR file\r\n")
            data, _ = listener.accept()
            with data:
                self.assertEqual(read_all(data), b"data")
            control.expect_reply(150)
            control.expect_reply(226)
        with control.listen_data() as listener:
            self.assertEqual(control.retrieve("RETR file"), b"data")
            self.assertEqual(select.select([listener], [], [], 0)[0], [])

    def test_active_peer_refuses(self) -> None:
        """An active connection that is refused is 425 and the session goes on."""
        self.make("file", b"data")
        control = self.login()
        control.listen_data().close()
        control.expect("RETR file", 425)
        self.assertEqual(control.retrieve("RETR file"), b"data")


class PortRangeTests(DataTestCase):
    """DC26 and DC27: ``--passive-ports``."""

    first: int

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A server with ten ports for data connections."""
        cls.first = free_port(10)
        return FtpxServer().start(*AUTH, "--passive-ports", f"{cls.first}-{cls.first + 9}")

    def test_all_taken(self) -> None:
        """DC26: the eleventh session gets 425 or 421, nobody a port outside the range, and ports come back."""
        quiet = self.quiet_descriptors()
        controls = [self.login() for _ in range(20)]
        ports = []
        for number, control in enumerate(controls):
            answer = control.command("EPSV" if number % 2 else "PASV")
            if answer.code == 229:
                ports.append(int(answer.text.split("|||")[1].split("|")[0]))
            elif answer.code == 227:
                numbers = answer.text.partition("(")[2].partition(")")[0].split(",")
                ports.append(int(numbers[4]) * 256 + int(numbers[5]))
            else:
                self.assertIn(answer.code, (421, 425))
        self.assertEqual(sorted(ports), list(range(self.first, self.first + 10)))
        self.assert_alive(controls[-1])
        for control in controls[:10]:
            control.close()
        eventually(lambda: controls[-1].command("EPSV").code == 229, what="a port comes back")
        for control in controls:
            control.close()
        self.assert_descriptors(quiet)

    def test_ports_come_back_at_once(self) -> None:
        """Ports that served a moment ago serve again: 60 transfers over ten ports."""
        self.make("file", b"data")
        control = self.login()
        for _ in range(60):
            self.assertEqual(control.retrieve("RETR file"), b"data")

    def test_port_in_use(self) -> None:
        """DC27: a port of the range that another program has is passed over."""
        with contextlib.ExitStack() as stack:
            for port in range(self.first, self.first + 9):
                holder = stack.enter_context(socket.socket())
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                holder.bind(("127.0.0.1", port))
                holder.listen(1)
            control = self.login()
            for _ in range(5):
                self.assertEqual(control.extended_passive()[1], self.first + 9)
        self.assertEqual(control.retrieve("NLST"), b"")


class StallTests(DataTestCase):
    """Peers that do nothing, with a data time-out of two seconds."""

    options = (*AUTH, "--data-timeout", "2")

    def test_never_connects(self) -> None:
        """DC10: nobody connects to the passive port: 425, the port is closed, the session lives."""
        self.make("file", b"data")
        control = self.login()
        address = control.passive()
        start = time.monotonic()
        control.send(b"RETR file\r\nNOOP\r\n")
        answers = [control.reply().code, control.reply().code]
        self.assertEqual(sorted(answers), [200, 425])
        self.assertLess(time.monotonic() - start, 8)
        with self.assertRaises(ConnectionRefusedError):
            control.connect_data(address)
        self.assertEqual(control.retrieve("RETR file"), b"data")

    def test_upload_stalls(self) -> None:
        """DC12: one octet and silence: 426, the old file is whole, nothing else is left."""
        self.make("file", b"old")
        control = self.login()
        data = self.begin_upload(control, "file", b"n")
        control.expect_reply(426, 451)
        self.assert_alive(control)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(data.recv(1), b"")
        self.assert_only(file=b"old")

    def test_download_stalls(self) -> None:
        """DC14: a peer that reads nothing: bounded memory, then 426, and the session lives."""
        control = self.login()
        control.retrieve("NLST")
        process = self.server.process
        process.reset_peak_memory()
        before = process.memory
        self.begin_download(control)
        control.expect_reply(426)
        self.assertLess(process.peak_memory - before, 2 << 20)
        self.assert_alive(control)
