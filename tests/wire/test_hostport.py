"""Tests of ftpx.wire.hostport."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.wire.hostport import ProtocolNotSupported, format_epsv, format_port, parse_eprt, parse_port

ports = st.integers(1, 65535)
v4_addresses = st.ip_addresses(v=4)
v6_addresses = st.ip_addresses(v=6)


class PortTests(SynchronousTestCase):
    """PORT and 227 (RFC 959)."""

    def test_port(self) -> None:
        """Four numbers are the address, two the port; leading zeros do no harm."""
        self.assertEqual(parse_port("127,0,0,1,24,131"), ("127.0.0.1", 6275))
        self.assertEqual(parse_port("010,000,0,1,000,021"), ("10.0.0.1", 21))

    def test_bad_numbers(self) -> None:
        """DC05: anything but six numbers up to 255 is refused."""
        for argument in (
            "1,2,3",
            "1,2,3,4,5",
            "1,2,3,4,5,6,7",
            "",
            ",,,,,",
            "-1,2,3,4,5,6",
            "300,2,3,4,5,6",
            "1,2,3,4,256,6",
            "1,2,3,4,5,999",
            "a,b,c,d,e,f",
            "1,2,3,4,5,\u0663",
            "1,2,3,4,5,\u00b2",
            "1,2,3,4,5,6,",
            "1, 2,3,4,5,6",
            " 1,2,3,4,5,6",
            "1,2,3,4,5,6 ",
            "1,2,3,4,5,6\n",
            "1.2.3.4,5,6",
            "0001,2,3,4,5,6",
            "1,2,3,4,5,+6",
            "1,2,3,4,5,1e1",
        ):
            with self.assertRaises(ArgumentError, msg=repr(argument)):
                parse_port(argument)

    def test_port_zero(self) -> None:
        """DC05: port 0 is refused."""
        with self.assertRaises(ArgumentError):
            parse_port("127,0,0,1,0,0")

    def test_format(self) -> None:
        """Reply 227 writes six numbers."""
        self.assertEqual(format_port("132.235.1.2", 6275), "132,235,1,2,24,131")

    @given(v4_addresses, ports)
    def test_round_trip(self, address: IPv4Address, port: int) -> None:
        """Any address and port come back."""
        self.assertEqual(parse_port(format_port(str(address), port)), (str(address), port))

    @given(st.one_of(st.text(), st.text("0123456789,- ", max_size=30)))
    def test_any_text(self, argument: str) -> None:
        """Any text is an address and a port, or refused."""
        try:
            host, port = parse_port(argument)
        except ArgumentError:
            return
        self.assertEqual(str(IPv4Address(host)), host)
        self.assertIn(port, range(1, 65536))


class ExtendedPortTests(SynchronousTestCase):
    """EPRT and 229 (RFC 2428)."""

    def refused(self, *arguments: str) -> None:
        """Assert that each argument is refused."""
        for argument in arguments:
            with self.assertRaises(ArgumentError, msg=repr(argument)):
                parse_eprt(argument)

    def test_examples(self) -> None:
        """The two examples of RFC 2428 section 2."""
        self.assertEqual(parse_eprt("|1|132.235.1.2|6275|"), ("132.235.1.2", 6275))
        self.assertEqual(parse_eprt("|2|1080::8:800:200C:417A|5282|"), ("1080::8:800:200c:417a", 5282))

    def test_delimiters(self) -> None:
        """DC04: any printable ASCII character may delimit, nothing else."""
        for delimiter in "|!#,;~@x":
            argument = delimiter.join(("", "1", "10.0.0.1", "2000", ""))
            self.assertEqual(parse_eprt(argument), ("10.0.0.1", 2000))
        for delimiter in " \t\x7f\x80é\udcff":
            self.refused(delimiter.join(("", "1", "10.0.0.1", "2000", "")))

    def test_delimiter_within_a_field(self) -> None:
        """DC04: a delimiter that is part of a field makes too many fields."""
        self.refused(".1.10.0.0.1.2000.", ":2:::1:2000:", "111111111")

    def test_fields(self) -> None:
        """DC04: there are just three fields and all delimiters."""
        self.refused(
            "",
            "|",
            "||",
            "|||||",
            "|1|",
            "|1|10.0.0.1|",
            "|1|10.0.0.1|2000",
            "1|10.0.0.1|2000|",
            "|1|10.0.0.1|2000||",
            "|1|10.0.0.1|2000|x",
            "x|1|10.0.0.1|2000|",
        )

    def test_other_families(self) -> None:
        """DC04: other numbers of families are not supported, whatever the address is."""
        for family in ("0", "3", "99"):
            with self.assertRaises(ProtocolNotSupported):
                parse_eprt(f"|{family}|10.0.0.1|2000|")

    def test_no_family(self) -> None:
        """DC04: a family that is no number is refused."""
        self.refused("|x|10.0.0.1|2000|", "||10.0.0.1|2000|", "|-1|10.0.0.1|2000|", "|\u0661|10.0.0.1|2000|")

    def test_family_must_match(self) -> None:
        """DC04: an address of the other family is refused."""
        self.refused("|1|::1|2000|", "|2|10.0.0.1|2000|", "|1|::ffff:10.0.0.1|2000|")

    def test_mapped(self) -> None:
        """DC04: IPv4 mapped into IPv6 is IPv4, so that it is compared as such."""
        self.assertEqual(parse_eprt("|2|::ffff:10.0.0.1|2000|"), ("10.0.0.1", 2000))
        self.assertEqual(parse_eprt("|2|::FFFF:0a00:1|2000|"), ("10.0.0.1", 2000))

    def test_scope(self) -> None:
        """DC04: scope ids are refused."""
        self.refused("|2|fe80::1%eth0|2000|", "|2|fe80::1%1|2000|", "|2|fe80::1%|2000|")

    def test_names(self) -> None:
        """DC04: only literal addresses are taken."""
        self.refused(
            "|1|localhost|2000|",
            "|1||2000|",
            "|1|10.1|2000|",
            "|1|167772161|2000|",
            "|1|010.0.0.1|2000|",
            "|1|0x0a.0.0.1|2000|",
            "|1|10.0.0.1/8|2000|",
            "|1|10.0.0.256|2000|",
            "|1|\u06610.0.0.1|2000|",
            "|1| 10.0.0.1|2000|",
            "|2|[::1]|2000|",
            "|2|:::|2000|",
        )

    def test_ports(self) -> None:
        """DC04: ports are 1 to 65535."""
        self.refused(
            *(f"|1|10.0.0.1|{port}|" for port in ("0", "65536", "-1", "", "x", "1e3", "\u0663", str(2**64), " 21"))
        )
        self.assertEqual(parse_eprt("|1|10.0.0.1|65535|"), ("10.0.0.1", 65535))

    def test_format(self) -> None:
        """Reply 229 gives the port alone."""
        self.assertEqual(format_epsv(6446), "|||6446|")

    @given(st.one_of(v4_addresses, v6_addresses), ports, st.sampled_from("|!,;~"))
    def test_round_trip(self, address: IPv4Address | IPv6Address, port: int, delimiter: str) -> None:
        """Any address and port come back in their usual form."""
        family = "1" if address.version == 4 else "2"
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        argument = delimiter.join(("", family, str(address), str(port), ""))
        self.assertEqual(parse_eprt(argument), (str(mapped or address), port))

    @given(st.one_of(st.text(), st.text("|12.:af%0", max_size=30)))
    def test_any_text(self, argument: str) -> None:
        """Any text is refused with one of two errors or is an address and a port."""
        try:
            _, port = parse_eprt(argument)
        except (ArgumentError, ProtocolNotSupported):
            return
        self.assertIn(port, range(1, 65536))
