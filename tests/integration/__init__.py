"""The real server as a process of its own, driven over real sockets by real clients."""
