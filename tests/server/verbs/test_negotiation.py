"""TYPE, STRU, MODE, OPTS and LANG."""

from __future__ import annotations

from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes


class NegotiationTests(ServerCase):
    """What is said about how things are sent."""

    def test_type(self) -> None:
        """Each form of TYPE sets what it says, and one that is refused changes nothing."""
        for line, name in (
            ("TYPE A", "ASCII"),
            ("TYPE L 8", "IMAGE"),
            ("type a n", "ASCII"),
            ("TYPE i", "IMAGE"),
            ("TYPE E", "IMAGE"),
            ("TYPE X", "IMAGE"),
        ):
            self.codes(line)
            self.assertIn(f"TYPE: {name};", self.texts("STAT"))

    def test_default_type(self) -> None:
        """RFC 959: a session begins in ASCII."""
        server = ServerHarness()
        server.command("USER alice", "PASS secret")
        self.assertIn("TYPE: ASCII", str(server.command("STAT")))

    def test_options_before_login(self) -> None:
        """OPTS UTF8 ON comes before login from many clients; OPTS MLST holds over the login."""
        client = self.server.connect()
        client.replies()
        self.assertEqual(codes(client.command("OPTS UTF8 ON", "OPTS MLST size;")), [200, 200])
        client.login()
        client.replies()
        self.assertIn("size*;modify;", client.command("FEAT")[0].encode().decode())

    def test_blanks(self) -> None:
        """Blanks around the options do not matter."""
        self.assertEqual(self.codes("OPTS UTF8  on ", "OPTS MLST  size; "), [200, 200])
        self.assertEqual(self.texts("OPTS MLST size;type; "), "MLST OPTS type;size;")

    def test_language(self) -> None:
        """RFC 2640: English is offered, and marked as chosen."""
        self.assertEqual(self.codes("LANG en-us", "LANG", "LANG de"), [200, 200, 504])
