"""Which form of a name an SMB server has: names that differ in case are one to it, and some have a short one too."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any, Final

import smbclient  # type: ignore[import-untyped]  # it has no types
from smbclient._io import SMBFileTransaction, SMBRawIO, query_info  # type: ignore[import-untyped]  # nor has this
from smbprotocol.file_info import FileInformationClass, FileNameInformation, InfoType  # type: ignore[import-untyped]
from smbprotocol.open import CreateOptions, FilePipePrinterAccessMask  # type: ignore[import-untyped]  # nor these

__all__ = ["is_exact"]

_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
# Paths have at most 32,767 characters of two octets.
_LONGEST_PATH: Final = 1 << 16


class _FileNormalizedNameInformation(FileNameInformation):  # type: ignore[misc]  # the base has no types
    """[MS-FSCC] 2.4.30: the path from the share on, by the names that the server has; of the same shape as its base."""

    INFO_TYPE = InfoType.SMB2_0_INFO_FILE
    INFO_CLASS = FileInformationClass.FILE_NORMALIZED_NAME_INFORMATION


def is_exact(root: str, names: Sequence[str], **connection: Any) -> bool:
    r"""
    Whether none of the names is another form of what the server has; those of what is not there are none.

    :param root: the directory of the first name, ``\\host\share\directory``.
    :param connection: what smbclient needs to know to find its connection.
    :raises OSError: the server does not tell.
    """
    # The path of all that is there, asked for in one message, tells it as a rule. Not all servers know that question,
    # and of a file with a short name only they tell the long one.
    for length in range(len(names), 0, -1):
        path = "\\".join((root, *names[:length]))
        try:
            return _stored_names(path, length, connection) == list(names[:length]) or _are_listed(
                root, names[:length], connection
            )
        except OSError as error:
            if error.errno not in _ABSENT:
                return _are_listed(root, names, connection)
    return True


def _stored_names(path: str, count: int, connection: dict[str, Any]) -> list[str]:
    """The last names of a path, as the server has them."""
    raw = SMBRawIO(
        path,
        share_access="rwd",
        desired_access=FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES,
        create_options=CreateOptions.FILE_OPEN_REPARSE_POINT,
        **connection,
    )
    with SMBFileTransaction(raw) as transaction:
        query_info(transaction, _FileNormalizedNameInformation, output_buffer_length=_LONGEST_PATH)
    (told,) = transaction.results
    name: str = told["file_name"].get_value()
    return name.split("\\")[-count:]


def _are_listed(root: str, names: Sequence[str], connection: dict[str, Any]) -> bool:
    """Whether each name is one of those that its directory lists, as far as there are any."""
    directory = root
    for name in names:
        try:
            with smbclient.scandir(directory, search_pattern=name, **connection) as entries:
                found = [entry.name for entry in entries]
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            return True
        if name not in found:
            return not found
        directory = f"{directory}\\{name}"
    return True
