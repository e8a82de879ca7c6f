"""ftpx beside other FTP servers, on the same work, in one run: ``python -m benchmarks --help``."""
