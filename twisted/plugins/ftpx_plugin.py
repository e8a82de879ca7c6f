"""Tells twistd and twist of the service ftpx."""

from twisted.application.service import ServiceMaker

ftpx = ServiceMaker("ftpx", "ftpx.tap", "An FTP server with pluggable storage.", "ftpx")
