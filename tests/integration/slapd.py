"""A real LDAP server, OpenLDAP's slapd, on a free loopback port with a directory of its own."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.integration.certified import certificate_files
from tests.integration.server import free_port
from tests.integration.waiting import eventually

__all__ = ["BASE", "READER", "READER_PASSWORD", "Slapd"]

BASE = "dc=example,dc=org"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "read-only-secret"

_SCHEMAS = Path("/etc/ldap/schema")
_MODULES = Path("/usr/lib/ldap")
_CONFIGURATION = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
pidfile {folder}/pid
argsfile {folder}/arguments
TLSCACertificateFile {certificates}/authority.pem
TLSCertificateFile {certificates}/server.pem
TLSCertificateKeyFile {certificates}/server.pem
database mdb
suffix "{base}"
directory {folder}/data
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=closed,{base}" by dn.exact="{reader}" read by self read by * none
access to * by * read
"""


def _hashed(password: str) -> str:
    salt = b"salt"
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()


class Slapd:
    """
    The server and its entries.

    :raises unittest.SkipTest: it is not installed.
    """

    def __init__(self) -> None:
        self._program = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap:/usr/libexec:/sbin:/usr/bin")
        self._adder = shutil.which("slapadd", path="/usr/sbin:/sbin:/usr/bin")
        if self._program is None or self._adder is None or not _SCHEMAS.is_dir() or not _MODULES.is_dir():
            raise unittest.SkipTest("slapd is not installed")
        self._folder = Path(tempfile.mkdtemp(prefix="ftpx-slapd-"))
        (self._folder / "data").mkdir()
        self.port = free_port(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration = self._folder / "slapd.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                schemas=_SCHEMAS,
                modules=_MODULES,
                folder=self._folder,
                certificates=certificate_files().directory,
                base=BASE,
                reader=READER,
            ),
            encoding="utf-8",
        )

    @property
    def url(self) -> str:
        """Where it is, in clear."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Where it is, under TLS."""
        return f"ldaps://localhost:{self.port + 1}"

    def add(self, *entries: str) -> None:
        """Put entries (LDIF) into it; only before it starts."""
        assert self._adder is not None
        text = "\n\n".join(entry.strip() for entry in entries) + "\n"
        added = subprocess.run(
            [self._adder, "-f", str(self._configuration)],
            input=text.encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert added.returncode == 0, added.stderr.decode(errors="replace")

    @staticmethod
    def person(dn: str, *names: str, password: str | None) -> str:
        """An entry (LDIF) of somebody with these names; without a password nobody logs in as them."""
        lines = [f"dn:: {base64.b64encode(dn.encode()).decode()}", "objectClass: inetOrgPerson", "cn: x", "sn: x"]
        lines += [f"uid:: {base64.b64encode(name.encode()).decode()}" for name in names]
        if password is not None:
            lines.append(f"userPassword: {_hashed(password)}")
        return "\n".join(lines)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert self._program is not None
        addresses = f"{self.url} ldaps://127.0.0.1:{self.port + 1}"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # With a level of debugging, if only 0, it stays in the foreground.
                [self._program, "-f", str(self._configuration), "-h", addresses, "-d", "0"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(self._answers, seconds=20, what="slapd answers")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"slapd ended with status {self._process.returncode}:\n{log}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def remove(self) -> None:
        """End the process and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
