"""Tests of `ftpx.accounts.importing`, and that it reads what `ftpx.accounts.exporting` writes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.exporting import EXPORTS
from ftpx.accounts.importing import FORMS, UserFile, guess_form, parse_users
from ftpx.accounts.names import check_name, identity_of
from ftpx.accounts.policy import items
from ftpx.accounts.user_record import UserRecord, join_values, split_values
from ftpx.errors import ConfigurationError
from tests.accounts.profiles import policy_of

HASH = "$5$rounds=1000$salt$" + "h" * 43
SECRET = "5ecret-which-must-not-be-told"


def fault(text: str) -> str | None:
    """A double: what begins with a dollar sign is a hash."""
    return None if text.startswith("$") else "the hash is of no kind that is known"


def parsed(text: str | bytes, form: str) -> UserFile:
    """The users of a text."""
    return parse_users(text if isinstance(text, bytes) else text.encode(), form, fault)


def only(text: str, form: str) -> UserRecord:
    """The one user of a text without faults."""
    file = parsed(text, form)
    assert not file.faults, file.faults
    ((_, record),) = file.users
    return record


def is_possible(name: str) -> bool:
    """Whether a user may have a name."""
    try:
        return check_name(name) == name
    except ConfigurationError:
        return False


VALUES = {
    "home": ["/{name}", "/x y/{name}"],
    "rights": ["/=look", "/a;b\\=list,read", "/ü=none"],
    "mounts": ['/m=local:/srv/"m"', "/n=local:/a,b;c\\"],
    "hidden": ["*.tmp", "; ", " a", "a\rb", "a\nb", '"'],
    "addresses": ["192.0.2.0/24", "2001:db8::1/128"],
    "hours": ["Mon-Fri 08:00-18:00", "Sun 00:00-24:00"],
    "tls": ["yes", "no"],
    "expires": ["2027-12-31T12:00:00Z"],
    "rate_up": ["1"],
    "rate_down": ["5000000"],
}
NAMES = st.text(min_size=1, max_size=20).filter(is_possible)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from(VALUES.get(name, ["0"])), min_size=1, max_size=3)
        if item.several
        else st.sampled_from(VALUES.get(name, ["0", "17"]))
        for name, item in items().items()
    },
).map(policy_of)
RECORDS = st.builds(
    UserRecord,
    name=NAMES,
    password_hash=st.none() | st.text("abc$/.", min_size=1).map(lambda text: "$" + text),
    totp=st.none() | st.just("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    groups=st.lists(NAMES, max_size=3).map(tuple),
    disabled=st.booleans(),
    policy=POLICIES,
)


class LineFileTests(SynchronousTestCase):
    """Files of lines: htpasswd and passwd."""

    def test_htpasswd(self) -> None:
        """Lines are names and hashes; comments and empty lines are none."""
        file = parsed(f"\ufeff# all\nalice:{HASH}\r\n\n  \nbob:{HASH}\n", "htpasswd")
        self.assertEqual(file.faults, ())
        self.assertEqual([(line, user.name) for line, user in file.users], [(2, "alice"), (5, "bob")])
        self.assertEqual(file.users[0][1].password_hash, HASH)
        self.assertEqual(file.users[0][1].given, {"password_hash"})

    def test_passwd(self) -> None:
        """Of a passwd file name and hash are taken."""
        record = only(f"alice:{HASH}:1000:1000:Alice:/home/alice:/bin/sh\n", "passwd")
        self.assertEqual((record.name, record.password_hash, record.disabled), ("alice", HASH, False))

    def test_shadowed(self) -> None:
        """Of a password that is in another file, nothing is known."""
        record = only("alice:x:1000:1000::/home/alice:/bin/sh", "passwd")
        self.assertEqual((record.password_hash, record.given), (None, frozenset()))

    def test_locked(self) -> None:
        """Who is locked there is disabled here, and what may be left of the hash is not taken."""
        for field in ("*", "!", f"!{HASH}", "!!"):
            record = only(f"alice:{field}:1000:1000::/home/alice:/bin/sh", "passwd")
            self.assertEqual((record.password_hash, record.disabled), (None, True), field)

    def test_faults(self) -> None:
        """What is wrong is told by line and never quoted."""
        for form, line, told in (
            ("htpasswd", SECRET, "NAME:HASH"),
            ("htpasswd", f"alice:{SECRET}", "no kind"),
            ("htpasswd", "alice:", "no hash"),
            ("htpasswd", f"{SECRET}/:{HASH}", "name"),
            ("htpasswd", f"../../etc:{HASH}", "name"),
            ("htpasswd", f":{HASH}", "name"),
            ("passwd", f"alice:{SECRET}", "NAME:HASH:UID"),
            ("passwd", f"alice:{SECRET}:1:1::/:/bin/sh", "no kind"),
            ("passwd", "alice::1:1::/:/bin/sh", "no hash"),
        ):
            (found,) = parsed(f"\n{line}\n", form).faults
            self.assertTrue(found.startswith("line 2: "), found)
            self.assertIn(told, found)
            self.assertNotIn(SECRET, found)

    def test_au19_duplicates(self) -> None:
        """Two spellings of one name are one user, who may be in the file once."""
        (found,) = parsed(f"Alice:{HASH}\nbob:{HASH}\nalice:{HASH}\n", "htpasswd").faults
        self.assertEqual(found, "line 3: names the user of line 1 again")

    def test_not_utf8(self) -> None:
        """Other octets than UTF-8 are told by their line."""
        self.assertEqual(parsed(b"a:$\nb\xff:$\n", "htpasswd").faults, ("line 2: is not in UTF-8",))


class CsvTests(SynchronousTestCase):
    """Files with a line of column names."""

    def test_columns(self) -> None:
        """Columns come in any order, and only those that are there are given."""
        record = only("quota,name,rights,groups\n10Gi,alice,/pub=look;/in=write,staff;guests\n", "csv")
        self.assertEqual((record.name, record.groups), ("alice", ("staff", "guests")))
        self.assertEqual(record.policy.texts(), {"quota": ("10737418240",), "rights": ("/pub=look", "/in=write")})
        self.assertEqual(record.given, {"quota", "name", "rights", "groups"})

    def test_line_numbers(self) -> None:
        """Lines are counted as an editor does, in quotes too."""
        file = parsed('name,hidden\n"alice","a\nb"\nbob,a/b\n', "csv")
        self.assertEqual([line for line, _ in file.users], [2])
        self.assertEqual(file.faults, ("line 4: hidden is not of the form PATTERN",))

    def test_header(self) -> None:
        """The first line must name columns that there are, once each."""
        for header, told in (
            (f"alice,{SECRET}", "column 1"),
            ("name,name", "column 2"),
            ("quota", "called name"),
            ("", "called name"),
        ):
            (found,) = parsed(f"{header}\nalice,x\n", "csv").faults
            self.assertTrue(found.startswith("line 1: "), found)
            self.assertIn(told, found)
            self.assertNotIn(SECRET, found)

    def test_faults(self) -> None:
        """What is wrong is told by line and column and never quoted."""
        header = "name,password_hash,totp,groups,disabled,quota,rights"
        for row, told in (
            (f"alice,{SECRET},,,,,", "no kind"),
            (f"alice,,{SECRET},,,,", "base 32"),
            (f"alice,,,{SECRET}/,,,", "name"),
            (f"alice,,,,{SECRET},,", "disabled"),
            (f"alice,,,,,{SECRET},", "quota"),
            (f"alice,,,,,,{SECRET}", "rights"),
            (f"alice,{SECRET}", "2 cells"),
            (f"alice,,,,,,{SECRET}\0", "NUL"),
            (f'alice,"{SECRET}', "quotes"),
            (f'alice,"{SECRET}"x,,,,,', "quotes"),
            (f"alice,{'x' * 200_000}", "too long"),
        ):
            (found,) = parsed(f"{header}\n{row}\n", "csv").faults
            self.assertTrue(found.startswith("line 2: "), found)
            self.assertIn(told, found)
            self.assertNotIn(SECRET, found)

    def test_guess(self) -> None:
        """The form is guessed by name and first line."""
        passwd = b"alice:x:1:1::/:/bin/sh"
        for name, content, form in (
            ("users.CSV", passwd, "csv"),
            ("passwd", passwd, "passwd"),
            ("-", b"# x\n\n" + passwd, "passwd"),
            (".htpasswd", b"alice:$5$x", "htpasswd"),
            ("users", b"name,quota\n", "csv"),
            ("users", b"", "csv"),
        ):
            self.assertEqual(guess_form(name, content), form, (name, content))

    def test_nothing(self) -> None:
        """An empty file is a file without users, but for CSV, where not even the columns are there."""
        self.assertEqual([parsed("", form).faults != () for form in FORMS], [True, False, False])


class RoundTripTests(SynchronousTestCase):
    """What is exported can be imported again."""

    @given(st.lists(st.text()).map(tuple))
    def test_values(self, values: tuple[str, ...]) -> None:
        """Several values in a cell stay what they are; but one empty value is none."""
        self.assertEqual(split_values(join_values(values)), () if values == ("",) else values)

    @given(st.lists(RECORDS, max_size=5, unique_by=lambda record: identity_of(record.name)))
    def test_csv(self, records: list[UserRecord]) -> None:
        """All that there is about a user is in a CSV file."""
        file = parsed("".join(EXPORTS["csv"].write(records)), "csv")
        self.assertEqual(file.faults, ())
        self.assertEqual([record for _, record in file.users], records)

    @given(st.lists(RECORDS, max_size=5, unique_by=lambda record: identity_of(record.name)))
    def test_htpasswd(self, records: list[UserRecord]) -> None:
        """An htpasswd file has those who can log in with nothing but a password."""
        held = [record for record in records if EXPORTS["htpasswd"].holds(record)]
        file = parsed("".join(EXPORTS["htpasswd"].write(held)), "htpasswd")
        self.assertEqual(file.faults, ())
        self.assertEqual(
            [(record.name, record.password_hash) for _, record in file.users],
            [(record.name, record.password_hash) for record in held],
        )
        self.assertFalse(any(record.disabled or record.totp for record in held))

    @given(st.lists(RECORDS, max_size=3))
    def test_json(self, records: list[UserRecord]) -> None:
        """JSON is valid and has the same."""
        found = json.loads("".join(EXPORTS["json"].write(records)))
        self.assertEqual([user["name"] for user in found], [record.name for record in records])
        self.assertEqual([user["password_hash"] for user in found], [record.password_hash for record in records])

    def test_secrets_are_in_no_repr(self) -> None:
        """What is logged of a record holds no secret."""
        self.assertNotIn(SECRET, repr(UserRecord(name="alice", password_hash=SECRET, totp=SECRET)))
