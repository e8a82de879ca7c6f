"""Tells ftpx of the event sink kind sqlite-uploads."""

from ftpx_sqlite.uploads import UploadTablePlugin

sqlite_uploads = UploadTablePlugin()
