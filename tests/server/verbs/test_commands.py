"""Every verb with good, bad and missing arguments, and before login."""

from __future__ import annotations

from ftpx.server.verbs import COMMANDS
from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes

# Verb -> the code without an argument and the codes of arguments, each in a session of its own where a file "a" and a
# directory "d" are, and no data port. None: the verb without an argument.
_ANSWERS: dict[str, dict[str | None, int]] = {
    "ABOR": {None: 225, "x": 501},
    "ACCT": {None: 501, "x": 202},
    "ALLO": {
        None: 501,
        "5": 202,
        "5 R 6": 202,
        "5 R": 501,
        "5 X 6": 501,
        "x": 501,
        "-1": 501,
        "5 R x": 501,
        "1" * 500: 501,
    },
    "APPE": {None: 501, "a": 425, "a b c": 425},
    "AUTH": {None: 501, "TLS": 502, "x": 502},
    "AVBL": {None: 502, "d": 502},
    "CCC": {None: 533, "x": 501},
    "CDUP": {None: 250, "d": 501},
    "CLNT": {None: 501, "NcFTP 3.2.6": 200, "x" * 8000: 200},
    "CWD": {None: 501, "d": 250, "a": 550, "missing": 550, "d d d": 550},
    "DELE": {None: 501, "a": 250, "missing": 550, "d": 550, "/": 550, "a b c": 550},
    "EPRT": {
        None: 501,
        "|1|127.0.0.1|5000|": 200,
        "|1|127.0.0.2|5000|": 501,
        "|1|127.0.0.1|22|": 501,
        "|1|127.0.0.1|65536|": 501,
        "|1|localhost|5000|": 501,
        "|2|::1|5000|": 522,
        "|2|::ffff:127.0.0.1|5000|": 200,
        "|3|x|5000|": 522,
        "|x|127.0.0.1|5000|": 501,
        "x": 501,
        "\u00e9": 501,
    },
    "EPSV": {
        None: 229,
        "1": 229,
        "2": 522,
        "3": 522,
        "x": 501,
        "ALL": 200,
        "all": 200,
        "1 2 3": 501,
        "\u0661": 501,
        "1" * 5000: 501,
    },
    "FEAT": {None: 211, "x": 501},
    "HASH": {None: 501, "a": 213, "missing": 550, "d": 550, "a 0 1": 550},
    "HELP": {None: 214, "RETR": 214, "retr": 214, "XYZZY": 502},
    "HOST": {None: 501, "ftp.example.com": 503},
    "LANG": {None: 200, "en": 200, "EN-GB": 200, "fr": 504, "english": 504},
    "LIST": {None: 425, "d": 425, "-la": 425, "a b c": 425},
    "MD5": {None: 501, "a": 251, '"a"': 251, "missing": 550, "d": 550, "a 0 1": 550},
    "MDTM": {
        None: 501,
        "a": 213,
        "missing": 550,
        "d": 550,
        "20200101000000 a": 213,
        "20200101000000 missing": 550,
        "20201301000000 a": 501,
    },
    "MFCT": {None: 501, "20200101000000 a": 213, "20200101000000": 501, "x a": 501, "20200101000000 missing": 550},
    "MFF": {
        None: 501,
        "modify=20200101000000;UNIX.mode=0600; a": 213,
        "MODIFY=20200101000000; a": 213,
        "modify=x; a": 501,
        "size=5; a": 504,
        "colour=red; a": 504,
        "a": 501,
        "modify=20200101000000;": 501,
        "modify=20200101000000; missing": 550,
    },
    "MFMT": {
        None: 501,
        "20200101000000 a": 213,
        "20200101000000": 501,
        "00000101000000 a": 501,
        "20200101000000 missing": 550,
    },
    "MKD": {None: 501, "e": 257, "d": 550, "missing/e": 550, "/": 550, "a b c": 257, "x" * 256: 553},
    "MLSD": {None: 425, "d": 425, "missing": 425},
    "MLST": {None: 250, "a": 250, "d": 250, "missing": 550},
    "MODE": {None: 501, "S": 200, "s": 200, "B": 504, "C": 504, "Z": 200, "X": 501, "S S": 501},
    "NLST": {None: 425, "d": 425, "-1": 425},
    "NOOP": {None: 200, "x": 501},
    "OPTS": {
        None: 501,
        "UTF8 ON": 200,
        "utf8 on": 200,
        "UTF8": 200,
        "UTF-8 NLST": 200,
        "UTF8 OFF": 504,
        "MLST type;size;": 200,
        "MLST": 200,
        "HASH": 200,
        "HASH sha256": 200,
        "HASH CRC-37": 501,
        "RETR x": 501,
    },
    "PASS": {None: 503, "x": 503},
    "PASV": {None: 227, "x": 501},
    "PBSZ": {None: 501, "0": 502, "999": 502, "4294967296": 501, "-1": 501, "x": 501},
    "PORT": {
        None: 501,
        "127,0,0,1,19,136": 200,
        "127,0,0,2,19,136": 501,
        "127,0,0,1,0,22": 501,
        "127,0,0,1,3,255": 501,
        "127,0,0,1,4,0": 200,
        "1,2,3": 501,
        "127,0,0,1,300,1": 501,
        "127,0,0,1,-1,1": 501,
        "127,0,0,1,1,1,1": 501,
        "a,b,c,d,e,f": 501,
        "\u0661\u0662\u0667,0,0,1,19,136": 501,
    },
    "PROT": {None: 503, "P": 503, "x": 503},
    "PWD": {None: 257, "x": 501},
    "QUIT": {None: 221, "x": 501},
    "RANG": {None: 501, "0 5": 350, "1 0": 350, "5 3": 501, "5": 501, "-1 5": 501, "x y": 501},
    "REIN": {None: 220, "x": 501},
    "REST": {
        None: 501,
        "5": 350,
        "0": 350,
        "-1": 501,
        "1e3": 501,
        "9223372036854775808": 501,
        "\u0663": 501,
        "5 5": 501,
    },
    "RETR": {None: 501, "a": 425, "a b c": 425},
    "RMD": {None: 501, "d": 250, "a": 550, "missing": 550, "/": 550, ".": 550, "a/..": 550, "a b c": 550},
    "RNFR": {None: 501, "a": 350, "missing": 550, "/": 550, "a b c": 550},
    "RNTO": {None: 503, "b": 503},
    "SITE": {None: 501, "HELP": 214, "help": 214, "EXEC /bin/sh": 500, "CHMOD 600 a": 200, "CHMOD": 501, "HELP x": 214},
    "SIZE": {None: 501, "a": 213, "missing": 550, "d": 550, "a b c": 550},
    "STAT": {None: 211, "a": 213, "d": 213, "-la": 213, "missing": 550, "a b c": 550},
    "STOR": {None: 501, "b": 425, "a b c": 425},
    "STOU": {None: 425, "b": 425},
    "STRU": {None: 501, "F": 200, "f": 200, "R": 504, "P": 504, "X": 501, "F F": 501},
    "SYST": {None: 215, "x": 501},
    "TYPE": {
        None: 501,
        "A": 200,
        "a n": 200,
        "I": 200,
        "L 8": 200,
        "L8": 200,
        "L 7": 504,
        "E": 504,
        "A T": 504,
        "X": 501,
    },
    "USER": {None: 501, "alice": 331, "%n%s{0.__class__}": 331, "a b c": 331, "x" * 8000: 331},
}
_OLDER_DIGEST = {
    None: 501,
    "a": 250,
    '"a"': 250,
    "a 0 7": 250,
    '"a" 0 7': 250,
    "a 0 8": 501,
    "a 7 0": 501,
    "a 7": 550,
    '"a" 7': 501,
    "missing": 550,
    "d": 550,
}
for _name in ("XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512"):
    _ANSWERS[_name] = _OLDER_DIGEST
for _name, _other in (("XCUP", "CDUP"), ("XCWD", "CWD"), ("XMKD", "MKD"), ("XPWD", "PWD"), ("XRMD", "RMD")):
    _ANSWERS[_name] = _ANSWERS[_other]

_BEFORE_LOGIN = frozenset(
    [
        *("USER", "PASS", "REIN", "QUIT", "HOST", "NOOP", "SYST", "FEAT", "HELP", "OPTS", "LANG", "CLNT"),
        *("AUTH", "PBSZ", "PROT"),
    ]
)


class CommandsTests(ServerCase):
    """CP20, AU10: the table above holds for all verbs there are."""

    def test_every_verb_is_in_the_table(self) -> None:
        """A new verb says above what it answers, without and with arguments."""
        self.assertEqual(_ANSWERS.keys(), COMMANDS.keys())
        for name, answers in _ANSWERS.items():
            self.assertIn(None, answers, name)
            self.assertGreater(len(answers), 1, name)

    def test_answers(self) -> None:
        """CP20: each form of each verb has its one reply, never 451 or nothing, and the session lives on."""
        self.put("a", b"content")
        for name, answers in _ANSWERS.items():
            for argument, code in answers.items():
                self.storage = type(self.storage)()
                self.put("a", b"content")
                server = ServerHarness(self.storage)
                server.login()
                server.command("MKD d")
                line = name if argument is None else f"{name} {argument}"
                expected = [code] if name == "QUIT" and code == 221 else [code, 200]
                self.assertEqual(codes(server.command(line, "NOOP")), expected, line[:60])

    def test_before_login(self) -> None:
        """AU10: before login every verb is 530 but those that have nothing to do with it."""
        for name, answers in _ANSWERS.items():
            for argument in answers:
                client = ServerHarness().connect()
                client.replies()
                line = name if argument is None else f"{name} {argument}"
                replies = codes(client.command(line))
                if name in _BEFORE_LOGIN:
                    self.assertNotIn(530, replies, line[:60])
                else:
                    self.assertEqual(replies, [530], line[:60])
            self.assertEqual(COMMANDS[name].before_login, name in _BEFORE_LOGIN, name)

    def test_after_user(self) -> None:
        """AU10: a name without a password is no login."""
        client = ServerHarness().connect()
        client.command("USER alice")
        self.assertEqual(codes(client.command("PWD", "RETR a", "STAT", "SITE HELP")), [530] * 4)

    def test_unknown(self) -> None:
        """CP21: unknown verbs are 500 and known ones that are not done here 502."""
        self.assertEqual(
            self.codes("XYZZY", "EXEC /bin/sh", "ADAT x", "SMNT a", "LPSV", "MIC x"), [500] * 2 + [502] * 4
        )
