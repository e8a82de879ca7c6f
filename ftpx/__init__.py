"""ftpx: an FTP server for Twisted with pluggable storage."""

__all__ = ["__version__"]

__version__ = "0.1.0"
