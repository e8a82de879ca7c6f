"""Tells ftpx of the storage kind logged."""

from logged import LoggedPlugin

logged = LoggedPlugin()
