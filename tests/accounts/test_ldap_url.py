"""Tests of `ftpx.accounts.ldap_url`."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.ldap_url import LdapUrl, escape_in_dn, escape_in_filter
from ftpx.errors import ConfigurationError
from tests.qa.sources import PROJECT

# It has no types.
_dn: Any = import_module("ldap3.utils.dn")

_BASE = "ou=people,dc=example,dc=org"


class EscapeTests(SynchronousTestCase):
    """AU16: a name stays a value."""

    def test_filter(self) -> None:
        """What means something in a filter is written as the number of its octet."""
        for value, escaped in (
            ("alice", "alice"),
            ("*)(uid=*", "\\2a\\29\\28uid=\\2a"),
            ("a\\00", "a\\5c00"),
            ("\0", "\\00"),
            ("Zoë", "Zoë"),
        ):
            self.assertEqual(escape_in_filter(value), escaped)

    def test_dn(self) -> None:
        """What means something in a DN is, too, and so are blanks and a hash sign where they count."""
        for value, escaped in (
            ("alice", "alice"),
            ("admin,dc=evil", "admin\\2cdc\\3devil"),
            ("a+b", "a\\2bb"),
            (" a b ", "\\20a b\\20"),
            ("#1#", "\\231\\23"),
            (" ", "\\20"),
            ('"<;>\\\0', "\\22\\3c\\3b\\3e\\5c\\00"),
            ("", ""),
        ):
            self.assertEqual(escape_in_dn(value), escaped)

    @given(st.text(st.characters(codec="utf-8"), max_size=20))
    def test_any_filter(self, value: str) -> None:
        """Whatever a name is, no sign of a filter is left of it, and it can be read back."""
        escaped = escape_in_filter(value)
        self.assertNotRegex(escaped, r"[*()\0]|\\(?![0-9a-f]{2})")
        self.assertEqual(re.sub(r"\\([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), escaped), value)

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20))
    def test_any_dn(self, value: str) -> None:
        """Whatever a name is, a DN with it has one part more, and that is it."""
        parts = _dn.parse_dn(f"uid={escape_in_dn(value)},{_BASE}")
        self.assertEqual([(name, text) for name, text, _ in parts[1:]], [(n, t) for n, t, _ in _dn.parse_dn(_BASE)])
        self.assertEqual(parts[0][:2], ("uid", escape_in_dn(value)))


class ParseTests(SynchronousTestCase):
    """URLs."""

    def test_shortest(self) -> None:
        """Host and base are enough."""
        url = LdapUrl.parse(f"ldaps://ldap.example.org/{_BASE}")
        self.assertEqual(
            (url.host, url.port, url.tls, url.base, url.attribute, url.scope, url.filter, url.bind_name),
            ("ldap.example.org", 636, True, _BASE, "uid", "sub", "", ""),
        )

    def test_longest(self) -> None:
        """All parts have their place; a comma or a question mark in one is written as a number."""
        url = LdapUrl.parse(
            "LDAP://[2001:db8::1]:3389/ou=a%3Fb%20c?sAMAccountName?one?(&(a=%3F)(b=c,d))"
            "?!bindname=cn=x%2Cdc=y,x-password-file=/run/a%2Cb,x-ca=/etc/ca.pem"
        )
        self.assertEqual((url.host, url.port, url.tls), ("2001:db8::1", 3389, False))
        self.assertEqual((url.base, url.attribute, url.scope), ("ou=a?b c", "sAMAccountName", "one"))
        self.assertEqual((url.filter, url.bind_name), ("(&(a=?)(b=c,d))", "cn=x,dc=y"))
        self.assertEqual((url.password_file, url.authorities), ("/run/a,b", "/etc/ca.pem"))

    def test_filter_for(self) -> None:
        """The filter finds the name, and all else that must hold."""
        self.assertEqual(LdapUrl.parse(f"ldap://h/{_BASE}").filter_for("a*"), "(uid=a\\2a)")
        url = LdapUrl.parse(f"ldap://h/{_BASE}?cn??(objectClass=person)")
        self.assertEqual(url.filter_for("a"), "(&(objectClass=person)(cn=a))")

    def test_direct(self) -> None:
        """With ``{name}`` the base is a DN."""
        url = LdapUrl.parse(f"ldap://h/uid={{name}},{_BASE}")
        self.assertTrue(url.direct)
        self.assertEqual(url.dn_of("a,b"), f"uid=a\\2cb,{_BASE}")

    def test_protection(self) -> None:
        """Passwords go in clear within this machine only, unless somebody insists."""
        for text, starts, protected in (
            ("ldaps://ldap.example.org/dc=x", False, True),
            ("ldap://ldap.example.org/dc=x", True, True),
            ("ldap://ldap.example.org/dc=x????x-insecure", False, False),
            ("ldap://localhost/dc=x", False, False),
            ("ldap://127.0.0.2/dc=x", False, False),
            ("ldap://[::1]/dc=x", False, False),
            ("ldap://localhost.example.org/dc=x", True, True),
            ("ldap://192.0.2.1/dc=x", True, True),
        ):
            url = LdapUrl.parse(text)
            self.assertEqual((url.starts_tls, url.protected), (starts, protected), text)

    def test_refused(self) -> None:
        """IL04: what cannot be used is an error that says what, and does not quote what could be a password."""
        for text, says in (
            ("", "wants a URL"),
            ("ldap.example.org", "wants a URL"),
            ("http://h/dc=x", "wants a URL"),
            ("ldap://h", "wants a URL"),
            ("ldap://h/", "wants a URL"),
            ("ldap:///dc=x", "wants a URL"),
            ("ldap://h:x/dc=x", "wants a URL"),
            ("ldap://h:99999/dc=x", "wants a URL"),
            ("ldap://[::1/dc=x", "wants a URL"),
            ("ldap://h/dc=x#s3cr3t", "wants a URL"),
            ("ldap://reader:s3cr3t@h/dc=x", "no place for a password"),
            ("ldap://h/dc=x?uid,cn", "one attribute"),
            ("ldap://h/dc=x?uid)(a=*", "one attribute"),
            ("ldap://h/dc=x??deep", "scopes"),
            ("ldap://h/dc=x???a=b", "no filter"),
            ("ldap://h/dc=x????x-other=1", "knows no 'x-other'"),
            ("ldap://h/dc=x????bindname", "bindname wants a value"),
            ("ldap://h/dc=x????bindname=,x-password-file=/a", "bindname wants a value"),
            ("ldap://h/dc=x????bindname=cn%3Dx", "wants its password"),
            ("ldap://h/dc=x????bindname=cn%3Dx,x-password-file=/a,x-password-variable=B", "wants its password"),
            ("ldap://h/dc=x????x-password-file=/a", "no bindname"),
            ("ldap://h/dc=x????x-insecure=1", "takes no value"),
            ("ldap://h/dc=x????x-insecure,x-insecure", "twice"),
            ("ldap://h/dc=x????x-insecure,x-ca=/a", "no TLS"),
            ("ldap://h/uid={name}??sub", "nobody is searched for"),
            ("ldap://h/uid={name}????bindname=a,x-password-file=/a", "nobody is searched for"),
        ):
            error = self.assertRaises(ConfigurationError, LdapUrl.parse, text)
            self.assertIn(says, str(error), text)
            self.assertNotIn("s3cr3t", str(error))

    def test_documentation(self) -> None:
        """The URLs of the documentation are right, and are all for another machine, under TLS."""
        page = (PROJECT / "docs/operators/logins.md").read_text(encoding="utf-8")
        urls = re.findall("--auth 'ldap:([^']+)'", page)
        self.assertEqual(len(urls), 3)
        for url in urls:
            self.assertTrue(LdapUrl.parse(url).protected, url)
