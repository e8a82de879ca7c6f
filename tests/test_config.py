"""The configuration, every setting once."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.config import Config, Home, settings
from ftpx.digests.algorithms import Algorithm
from ftpx.errors import ConfigurationError
from ftpx.server.rates import Level, RateRule
from ftpx.tls.policy import ClientCertificates, DataSession, TlsPolicy, TlsVersion

# Setting -> texts and their values; None: the text is refused.
_FORMS: dict[str, dict[str, Any]] = {
    "port": {
        "2121": "tcp:2121",
        "0": "tcp:0",
        "65535": "tcp:65535",
        "65536": None,
        "9" * 5000: None,
        "tcp6:2121": "tcp6:2121",
        "unix:/run/x": "unix:/run/x",
    },
    "storage": {"local:/srv": "local:/srv"},
    "auth": {"memory:a:b": "memory:a:b"},
    "accounts": {"sqlite:/srv/accounts": "sqlite:/srv/accounts"},
    "home": {"shared": Home.SHARED, "per-user": Home.PER_USER, "mine": None, "": None},
    "passive_ports": {
        "50000-50999": range(50000, 51000),
        "1-65535": range(1, 65536),
        "5-5": range(5, 6),
        "0-5": None,
        "6-5": None,
        "1-65536": None,
        "5": None,
        "a-b": None,
        "1-2-3": None,
        "\u0661-\u0662": None,
        "": None,
    },
    "passive_address": {
        "203.0.113.1": "203.0.113.1",
        "ftp.example.com": "ftp.example.com",
        "localhost": "localhost",
        "2001:db8::1": None,
        "999.1.1.1": None,
        "1.2.3": None,
        "-a.example": None,
        "a..b": None,
        "a b": None,
        "x" * 254: None,
        "": None,
    },
    "digest": {"SHA-256": Algorithm.SHA_256, "md5": Algorithm.MD5, "sha1": Algorithm.SHA_1, "SHA-384": None, "": None},
    "fxp": {"alice": "alice", "*": "*", "anonymous": None},
    "deflate_level": {"0": 0, "1": 1, "9": 9, "10": None, "-1": None, "x": None, "": None},
    "deflate_ratio": {"0": 0, "1": 1, "200": 200, "-1": None, "1.5": None, "x": None},
    "banner": {"Hello.": "Hello.", "": ""},
    "max_sessions": {"0": 0, "10": 10, "-1": None, "x": None, "": None, "1.5": None, "\u0661": None},
    "max_sessions_per_ip": {"0": 0, "10": 10, "-1": None},
    "idle_timeout": {"30": 30.0, "0.5": 0.5, "0": None, "-1": None, "nan": None, "inf": None, "x": None, "1e9": None},
    "login_timeout": {"30": 30.0, "0": None},
    "data_timeout": {"30": 30.0, "0": None},
    "rate": {"user=2K": RateRule(Level.USER, None, None, 2000), "user": None, "x=1": None, "user=fast": None},
    "rates": {"/etc/ftpx/rates": "/etc/ftpx/rates"},
    "storage_deadline": {"0": 0.0, "0.5": 0.5, "30": 30.0, "-1": None, "x": None},
    "shutdown_grace": {"0": 0.0, "30": 30.0, "-1": None, "x": None},
    "partial_lifetime": {"0": 0.0, "86400": 86400.0, "-1": None, "x": None},
    "tls_cert": {"cert.pem": "cert.pem"},
    "tls_key": {"key.pem": "key.pem"},
    "events": {"events.jsonl": "events.jsonl"},
    "event_sink": {"uploads:uploads.db": "uploads:uploads.db"},
    "implicit_tls": {"990": "tcp:990", "65536": None, "tcp6:990": "tcp6:990"},
    "tls_policy": {
        "optional": TlsPolicy.OPTIONAL,
        "login": TlsPolicy.LOGIN,
        "required": TlsPolicy.REQUIRED,
        "REQUIRED": None,
        "": None,
    },
    "tls_min_version": {"1.2": TlsVersion.TLS_1_2, "1.3": TlsVersion.TLS_1_3, "1.1": None, "1": None, "TLSv1.2": None},
    "tls_data_session": {
        "off": DataSession.OFF,
        "report": DataSession.REPORT,
        "require": DataSession.REQUIRE,
        "required": None,
    },
    "tls_client_ca": {"ca.pem": "ca.pem"},
    "tls_client_crl": {"crl.pem": "crl.pem"},
    "tls_client_cert": {
        "optional": ClientCertificates.OPTIONAL,
        "required": ClientCertificates.REQUIRED,
        "login": ClientCertificates.LOGIN,
        "none": None,
    },
}


class ConfigTests(SynchronousTestCase):
    """Settings, their forms and their defaults."""

    def test_every_setting_has_forms(self) -> None:
        """A new setting that takes a text has its forms in the table above."""
        self.assertEqual(
            {name for name, (setting, _) in settings().items() if setting.form or name in _FORMS}, _FORMS.keys()
        )

    def test_forms(self) -> None:
        """Each text becomes its value, or is refused with one line that quotes it."""
        for name, forms in _FORMS.items():
            parse = settings()[name][0].parse
            for text, value in forms.items():
                if value is None:
                    with self.assertRaises(ConfigurationError, msg=f"{name}: {text[:50]}") as caught:
                        parse(text)
                    self.assertNotIn("\n", str(caught.exception))
                else:
                    self.assertEqual(parse(text), value, f"{name}: {text}")

    def test_defaults(self) -> None:
        """The defaults are those of the design, and each is told once."""
        config = Config()
        self.assertEqual((config.port, config.auth, config.read_only), (("tcp:2121",), (), False))
        for name, (_, default) in settings().items():
            self.assertEqual(getattr(config, name), default, name)

    def test_help(self) -> None:
        """Every setting has a help that is a sentence."""
        for name, (setting, _) in settings().items():
            self.assertRegex(setting.help, r"\A[A-Z].*\.\Z", name)

    def test_all_fields_are_settings(self) -> None:
        """Nothing of the configuration is hidden from the command line."""
        self.assertEqual([field.name for field in attrs.fields(Config)], list(settings()))
