"""Hashes that other programs made, each of the password beside it."""

from __future__ import annotations

__all__ = ["UNSUPPORTED", "VECTORS", "htpasswd"]

PASSWORD = "hunter2"

# (made by, password, hash)
VECTORS: tuple[tuple[str, str, str], ...] = (
    ("htpasswd -B", PASSWORD, "$2y$05$C/S8bEKc2J4gOeZLNxyvk.ZCnGoGVc2EPtDzZZpQ3Kfl6Dj70jFdq"),
    ("htpasswd -B, 80 octets", "w" * 80, "$2y$04$HUOr9rCb8WdiJvsoimqFMucGxMX2sh3CN1wThzJjkgCeZATunLW/e"),
    ("htpasswd -B, UTF-8", "pä:ss wörd", "$2y$04$rbx3GhUb1rfG1zsTr3ZaD.VcotyZLewaDEr8/Yy38FMTdGeRKmmwy"),
    ("htpasswd -m", PASSWORD, "$apr1$j3mO536D$bxREJT9i7E5/sZ517EBy7/"),
    ("htpasswd -s", PASSWORD, "{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0="),
    ("htpasswd -2", PASSWORD, "$5$BDh5DdSM8Wv8yn85$CLRRZ3Rm7BZv.4TMWYtgouk1fmRuZnELebUJZcB6us9"),
    (
        "htpasswd -5",
        PASSWORD,
        "$6$H1fNRZHYHopyJLq5$obScaHqCX2/vdtsYcgSVyLA73F/Suh7/saLupw9wN.2NeI4.3flSR5W5Cx6uHW.aSKAQZU11KGeBxsxuwaPDh0",
    ),
    (
        "htpasswd -5 -r 2000",
        PASSWORD,
        "$6$rounds=2000$1nIFNewh74FYzT.k$G1MgbTRvpp.B0R56yw.y7z2HnIgcNlJPSx0d0QqFov6sg35KFM7/1cRRA32MTtwyYVmQnJ7nIdbXrXQmyQob.0",
    ),
    ("openssl passwd -5", PASSWORD, "$5$abcdefgh$XEPmEiAJvPG31m/DaIsyckkv.Sxd.8NrmElXxCKFQr/"),
    (
        "openssl passwd -6",
        PASSWORD,
        "$6$abcdefgh$M/eYsB4rVXAm3ZNc88J.UD9rCKAT6FB1rahiwJCHtEndQNORCub5qhjxn50qbqVVthkM.9HpEwtf0t.iV9uH0/",
    ),
    ("openssl passwd -apr1", PASSWORD, "$apr1$abcdefgh$ckT15POyCRlen.h6XtGAZ1"),
    (
        "argon2 -id",
        PASSWORD,
        "$argon2id$v=19$m=256,t=1,p=1$c29tZXNhbHQ$b+VOpAlMttuBqWL8W2C9DxDU/goH35hNUvItQybUwJk",
    ),
    ("argon2 -i", PASSWORD, "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$Dm7uDRC80FJ4gROcsaa9HFtDEErGLt2avsdeVMPvB7U"),
    ("mkpasswd -m bcrypt-a", PASSWORD, "$2a$05$BY9PANU3tZLX0bmJX0zjc.GUHf9kNZDgg8/9N5oxIWB7xbZaw2p82"),
    ("mkpasswd -m sha-256", PASSWORD, "$5$rounds=1000$I3CtnI5riq71yeL4$VSmMfkCAAT4EdH2x.UkY3P4NFV5I2B8Be2GnaE.YgM0"),
)

# Of the same password, and of kinds that are too weak, or that no library here knows.
UNSUPPORTED: tuple[tuple[str, str], ...] = (
    ("htpasswd -d", "gw92r6aIlVWFA"),
    ("htpasswd -p", PASSWORD),
    ("mkpasswd -m yescrypt", "$y$j9T$0aOMbYJgEwATqKl8hN.bQ/$m3Uf.zKSOX6vfn/7fL6nAunxaGMuxba/RDPhaRJ9iv4"),
)


def htpasswd() -> str:
    """A password file of all vectors: the first is of user0, and so on."""
    return "".join(f"user{number}:{stored}\n" for number, (_, _, stored) in enumerate(VECTORS))
