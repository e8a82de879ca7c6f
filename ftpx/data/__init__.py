"""
Data connections: where they come from and how bytes move over them.

- `ftpx.data.factory`: what a session asks for ports.
- `ftpx.data.passive` and `ftpx.data.active`: the two ways a connection comes about.
- `ftpx.data.connection`: the connection as a session sees it, with one outcome.
- `ftpx.data.transfer`: what every transfer has: a stream, a count, waits that can be broken off.
- `ftpx.data.sending` and `ftpx.data.receiving`: the two directions.
- `ftpx.data.stream`: one socket, and what a stream is; `ftpx.data.tls_stream`: one that speaks TLS.
- `ftpx.data.throttle` and `ftpx.data.paced_stream`: rates that transfers share, and streams that keep them.
- `ftpx.data.deflate`: a connection whose octets are deflated.
"""
