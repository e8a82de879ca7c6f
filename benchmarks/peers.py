"""
The servers that are compared, each as one function that says how to start it.

Every one serves the same folder on 127.0.0.1 and lets the benchmark's user read and write
it. What limits the number of sessions or the length of listings is lifted, name look-ups,
logs and artificial delays are off; everything else is as the server comes. Under TLS all have the
same certificate and the same suite.
"""

from __future__ import annotations

import enum
import grp
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from benchmarks.launch import Launch
from benchmarks.packages import Packages, UnavailableError
from benchmarks.secure import SecureSession

__all__ = ["BARE", "PEERS", "Mode", "Peer", "Setting"]

_HERE = Path(__file__).resolve().parent
_TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "--nodaemon", "--pidfile=")
# md5-crypt of "bench": cheap, so that what is measured at login is the server, not the hash.
_CHEAP_HASH = "$1$bench$IDaFocGqo.f39hZ5dc3P7."
_NOBODY = 65534


class Mode(enum.Enum):
    """How a server is started: as it comes, under TLS, or so that it takes a digest of every upload."""

    CLEAR = "clear"
    TLS = "TLS"
    DIGEST = "digests"


@attrs.frozen
class Setting:
    """
    What a peer is started with.

    ``root`` is the folder to serve, ``folder`` one for its own files, ``sessions`` how many
    have to fit. ``profile`` is where ftpx writes a profile of itself. ``certificate`` has the
    key as well, and ``openssl`` is a file for ``OPENSSL_CONF``.
    """

    packages: Packages
    root: Path
    folder: Path
    port: int
    sessions: int
    certificate: Path
    openssl: Path
    profile: Path | None = None


@attrs.frozen
class Peer:
    """
    A server: the package it comes from, what fetches it, and how it is launched in each `Mode` that it has.

    They raise `UnavailableError` if it cannot be had on this machine.
    """

    name: str
    package: str
    obtain: Callable[[Packages], object]
    launch: Callable[[Setting], Launch]
    secure: Callable[[Setting], Launch] | None = None
    digesting: Callable[[Setting], Launch] | None = None

    def launcher(self, mode: Mode) -> Callable[[Setting], Launch] | None:
        """What launches it in a mode; None if it has not that."""
        return {Mode.CLEAR: self.launch, Mode.TLS: self.secure, Mode.DIGEST: self.digesting}[mode]


def _from_the_tree() -> dict[str, str]:
    found = [str(_HERE.parent), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": ":".join(filter(None, found))}


def _present(packages: Packages) -> None:
    """Nothing has to be fetched."""


def _bare(setting: Setting) -> Launch:
    command = (sys.executable, "-m", "benchmarks.bare", str(setting.port), str(setting.root))
    return Launch(command, _from_the_tree(), greets=False)


def _bare_secure(setting: Setting) -> Launch:
    places = (str(setting.port), str(setting.root), str(setting.certificate))
    command = (sys.executable, "-m", "benchmarks.bare_secure", *places)
    return _with_one_suite(Launch(command, _from_the_tree(), greets=False), setting)


def _with_one_suite(plain: Launch, setting: Setting) -> Launch:
    environment = {**plain.environment, "OPENSSL_CONF": str(setting.openssl)}
    return attrs.evolve(plain, environment=environment, client=SecureSession)


def _log(setting: Setting) -> str:
    """To a file, as twistd rotates every log of a megabyte: as root it would rename /dev/null."""
    return f"--logfile={setting.folder / 'twistd.log'}"


def _ftpx(setting: Setting, *more: str) -> Launch:
    profile = ("--profile", str(setting.profile), "--profiler", "cprofile", "--savestats") if setting.profile else ()
    limit = str(setting.sessions)
    options = (
        *("--port", f"tcp:{setting.port}:interface=127.0.0.1", "--root", str(setting.root)),
        *("--auth", "memory:bench:bench", "--auth", "anonymous"),
        *("--max-sessions", limit, "--max-sessions-per-ip", limit),
        *more,
    )
    return Launch((*_TWISTD, *profile, _log(setting), "ftpx", *options), _from_the_tree())


def _ftpx_secure(setting: Setting) -> Launch:
    options = ("--tls-cert", str(setting.certificate), "--tls-policy", "required", "--tls-data-session", "report")
    return attrs.evolve(_ftpx(setting, *options), client=SecureSession)


def _ftpx_digesting(setting: Setting) -> Launch:
    return _ftpx(setting, "--digest", "SHA-256")


def _pyftpdlib_folder(packages: Packages) -> Path | None:
    return packages.python("pyftpdlib")


def _pyftpdlib(setting: Setting) -> Launch:
    target = _pyftpdlib_folder(setting.packages)
    environment = {"PYTHONPATH": str(target)} if target else {}
    command = (sys.executable, str(_HERE / "pyftpdlib_server.py"), str(setting.port), str(setting.root))
    return Launch(command, environment)


def _pyftpdlib_secure(setting: Setting) -> Launch:
    plain = _pyftpdlib(setting)
    return _with_one_suite(attrs.evolve(plain, command=(*plain.command, str(setting.certificate))), setting)


def _twisted(setting: Setting) -> Launch:
    environment = {"BENCHMARK_PORT": str(setting.port), "BENCHMARK_ROOT": str(setting.root)}
    command = (*_TWISTD, _log(setting), "--python", str(_HERE / "twisted_server.py"))
    return Launch(command, environment, user=setting.root.name)


def _vsftpd_program(packages: Packages) -> Path:
    return packages.program("vsftpd", "usr/sbin/vsftpd")


def _vsftpd(setting: Setting, more: Mapping[str, object] | None = None) -> Launch:
    program = _vsftpd_program(setting.packages)
    empty = setting.folder / "empty"
    empty.mkdir(mode=0o755, exist_ok=True)
    options = {
        "listen": "YES",
        "listen_address": "127.0.0.1",
        "listen_port": setting.port,
        "background": "NO",
        "run_as_launching_user": "NO" if os.getuid() == 0 else "YES",
        "anonymous_enable": "YES",
        "no_anon_password": "YES",
        "anon_root": setting.root,
        "ftp_username": _with_a_home(),
        "write_enable": "YES",
        "anon_upload_enable": "YES",
        "anon_umask": "022",
        "max_clients": 0,
        "max_per_ip": 0,
        "secure_chroot_dir": empty,
        "seccomp_sandbox": "NO",
        "tcp_wrappers": "NO",
        "xferlog_enable": "NO",
        **(more or {}),
    }
    config = _write(setting, "vsftpd.conf", "".join(f"{name}={value}\n" for name, value in options.items()))
    return Launch((str(program), str(config)), setting.packages.environment(), "anonymous", "bench@localhost")


def _vsftpd_secure(setting: Setting) -> Launch:
    options = {
        "ssl_enable": "YES",
        "allow_anon_ssl": "YES",
        "force_anon_logins_ssl": "YES",
        "force_anon_data_ssl": "YES",
        "rsa_cert_file": setting.certificate,
        "rsa_private_key_file": setting.certificate,
    }
    return _with_one_suite(_vsftpd(setting, options), setting)


_PROFTPD = """\
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
UseIPv6 off
User {user}
Group {group}
MaxInstances {sessions}
AuthOrder mod_auth_file.c
AuthUserFile {users}
RequireValidShell off
UseReverseDNS off
WtmpLog off
TransferLog none
SystemLog none
DelayEngine off
PidFile {folder}/proftpd.pid
ScoreboardFile {folder}/proftpd.scoreboard
Umask 022
AllowOverwrite on
{confine}
"""
_PROFTPD_TLS = """\
ModulePath {modules}
LoadModule mod_tls.c
TLSEngine on
TLSRequired on
TLSLog none
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {certificate}
"""


def _proftpd_programs(packages: Packages) -> tuple[Path, Path]:
    return (
        packages.program("proftpd-core", "usr/sbin/proftpd"),
        packages.program("proftpd-mod-crypto", "usr/lib/proftpd/mod_tls.so"),
    )


def _proftpd(setting: Setting, more: str = "") -> Launch:
    program, _ = _proftpd_programs(setting.packages)
    user, group = (_NOBODY, _NOBODY) if os.getuid() == 0 else (os.getuid(), os.getgid())
    users = _write(setting, "proftpd.users", f"bench:{_CHEAP_HASH}:{user}:{group}::{setting.root}:/bin/sh\n")
    text = _PROFTPD.format(
        port=setting.port,
        user=pwd.getpwuid(user).pw_name,
        group=grp.getgrgid(group).gr_name,
        sessions=setting.sessions,
        users=users,
        folder=setting.folder,
        confine="DefaultRoot ~" if os.getuid() == 0 else "",
    )
    command = (str(program), "--nodaemon", "--config", str(_write(setting, "proftpd.conf", text + more)))
    return Launch(command, setting.packages.environment())


def _proftpd_secure(setting: Setting) -> Launch:
    _, module = _proftpd_programs(setting.packages)
    text = _PROFTPD_TLS.format(modules=module.parent, certificate=setting.certificate)
    return _with_one_suite(_proftpd(setting, text), setting)


def _pure_ftpd_programs(packages: Packages) -> tuple[Path, Path]:
    if os.getuid() != 0:
        raise UnavailableError("pure-ftpd starts as root only")
    return packages.program("pure-ftpd", "usr/sbin/pure-ftpd"), packages.program("pure-ftpd", "usr/bin/pure-pw")


def _pure_ftpd(setting: Setting, *more: str) -> Launch:
    program, compiler = _pure_ftpd_programs(setting.packages)
    account = f"bench:{_CHEAP_HASH}:{_NOBODY}:{_NOBODY}::{setting.root}/./" + ":" * 12 + "\n"
    users = _write(setting, "pure-ftpd.users", account)
    database = setting.folder / "pure-ftpd.pdb"
    environment = setting.packages.environment()
    subprocess.run((compiler, "mkdb", database, "-f", users), env={**os.environ, **environment}, check=True)
    options = (
        *("-S", f"127.0.0.1,{setting.port}", "-4", "-A", "-H", "-E", "-f", "none", "-u", "1"),
        *("-l", f"puredb:{database}", "-c", str(setting.sessions), "-C", str(setting.sessions)),
        *("-L", "1000000:5", "-g", str(setting.folder / "pure-ftpd.pid")),
        *more,
    )
    return Launch((str(program), *options), environment)


def _pure_ftpd_secure(setting: Setting) -> Launch:
    return _with_one_suite(_pure_ftpd(setting, "-Y", "3", "-2", str(setting.certificate)), setting)


def _with_a_home() -> str:
    """A user without rights whose home exists: vsftpd enters it before it goes to anon_root."""
    names = ("ftp", "nobody", "daemon", "bin")
    homes = {user.pw_name: user.pw_dir for user in pwd.getpwall()}
    return next((name for name in names if Path(homes.get(name, "/nonexistent")).is_dir()), "nobody")


def _write(setting: Setting, name: str, text: str) -> Path:
    path = setting.folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


BARE = Peer("bare loop", "", _present, _bare, _bare_secure, _bare)
PEERS = {
    peer.name: peer
    for peer in (
        Peer("ftpx", "ftpx", _present, _ftpx, _ftpx_secure, _ftpx_digesting),
        Peer("vsftpd", "vsftpd", _vsftpd_program, _vsftpd, _vsftpd_secure),
        Peer("ProFTPD", "proftpd-core", _proftpd_programs, _proftpd, _proftpd_secure),
        Peer("Pure-FTPd", "pure-ftpd", _pure_ftpd_programs, _pure_ftpd, _pure_ftpd_secure),
        Peer("pyftpdlib", "pyftpdlib", _pyftpdlib_folder, _pyftpdlib, _pyftpdlib_secure),
        Peer("Twisted", "Twisted", _present, _twisted),
    )
}
