"""How obstore's requests travel: how long they may take, how often they are tried, and that none goes astray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from ftpx.storage.objects.address import ObjectAddress

__all__ = ["network"]

_SERVICES: Final = {"az": "blob.core.windows.net", "gs": "storage.googleapis.com"}
# Who gives tokens.
_LOGINS: Final = {"az": "login.microsoftonline.com", "gs": "googleapis.com"}
# Who asks a machine of a cloud for its role asks without TLS, as nothing else does where an endpoint has TLS.
_ROLES: Final = ("metadata.google.internal", "169.254.169.254")
# Names of variables in which those who run the server name further hosts, such as that of another cloud's logins.
_NAMING: Final = ("AZURE_", "IDENTITY_", "MSI_")
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_NOBODY: Final = "http://127.0.0.1:1"


def network(address: ObjectAddress, seconds: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """The options of a store of obstore in which one try may take so many seconds."""
    clear = (address.endpoint or "").startswith("http:")
    client: dict[str, Any] = {
        "allow_http": clear,
        "connect_timeout": timedelta(seconds=2),
        "timeout": timedelta(seconds=seconds),
    }
    if not any(environment.get(name.upper()) or environment.get(name) for name in _PROXIES):
        # obstore follows redirects, and cannot be told not to. So what leads to another host than the store's goes to a
        # proxy that is not there.
        hosts = [*_hosts(address, environment), *(() if clear else _ROLES)]
        client |= {"proxy_url": _NOBODY, "proxy_excludes": ",".join(hosts)}
    return {
        "client_options": client,
        "retry_config": {
            "max_retries": 7,
            "retry_timeout": timedelta(seconds=4),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        },
    }


def _hosts(address: ObjectAddress, environment: Mapping[str, str]) -> Iterator[str]:
    """Where requests may go."""
    yield _SERVICES[address.kind] if address.endpoint is None else urlsplit(address.endpoint).hostname or ""
    yield _LOGINS[address.kind]
    for name, value in environment.items():
        if name.startswith(_NAMING) and value.startswith(("http:", "https:")):
            yield urlsplit(value).hostname or ""
