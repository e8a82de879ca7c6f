"""
pyftpdlib's FTPServer, as its documentation starts it: ``python pyftpdlib_server.py PORT ROOT [CERTIFICATE]``.

With a certificate TLS is required on control and data connections.
"""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["serve"]


def serve(port: int, root: str, certificate: str | None = None) -> None:
    """Serve ``root`` on 127.0.0.1, to the user bench; its limit of 512 connections is lifted."""
    handlers = import_module("pyftpdlib.handlers")
    servers = import_module("pyftpdlib.servers")
    authorizer = import_module("pyftpdlib.authorizers").DummyAuthorizer()
    authorizer.add_user("bench", "bench", root, perm="elradfmwMT")
    handler = handlers.TLS_FTPHandler if certificate else handlers.FTPHandler
    handler.authorizer = authorizer
    if certificate:
        handler.certfile = certificate
        handler.tls_control_required = handler.tls_data_required = True
    server = servers.FTPServer(("127.0.0.1", port), handler)
    server.max_cons = 0
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
