"""Where requests of obstore may go."""

from __future__ import annotations

import unittest

from ftpx.storage.objects.address import ObjectAddress
from ftpx.storage.objects.obstore_network import network


class NetworkTests(unittest.TestCase):
    """The hosts that are reached without the proxy that is not there."""

    def hosts(self, address: str, **environment: str) -> list[str]:
        """Those hosts."""
        options = network(ObjectAddress.parse(address), 4, environment)["client_options"]
        self.assertEqual(options["proxy_url"], "http://127.0.0.1:1")
        hosts: str = options["proxy_excludes"]
        return hosts.split(",")

    def test_hosts(self) -> None:
        """The store, who gives credentials, and what the environment names."""
        roles = ["metadata.google.internal", "169.254.169.254"]
        self.assertEqual(self.hosts("gs://bucket"), ["storage.googleapis.com", "googleapis.com", *roles])
        azure = ["blob.core.windows.net", "login.microsoftonline.com"]
        self.assertEqual(self.hosts("az://bucket?account=name"), [*azure, *roles])
        named = self.hosts("az://bucket", AZURE_AUTHORITY_HOST="https://login.chinacloudapi.cn/", OTHER="https://evil")
        self.assertEqual(named, [*azure, "login.chinacloudapi.cn", *roles])

    def test_endpoint(self) -> None:
        """An endpoint takes the place of the provider; where it has no TLS, nobody reaches the machine's role."""
        self.assertEqual(
            self.hosts("az://bucket?endpoint=http://store.example:8080/name"),
            ["store.example", "login.microsoftonline.com"],
        )

    def test_proxy(self) -> None:
        """A proxy that the environment names decides by itself."""
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
            options = network(ObjectAddress.parse("gs://bucket"), 4, {name: "http://proxy.example"})["client_options"]
            self.assertNotIn("proxy_url", options)

    def test_clear(self) -> None:
        """Plain HTTP is for an endpoint that is written so."""
        for address, clear in (("az://bucket?endpoint=http://a", True), ("az://bucket?endpoint=https://a", False)):
            options = network(ObjectAddress.parse(address), 4, {})["client_options"]
            self.assertEqual(options["allow_http"], clear)
