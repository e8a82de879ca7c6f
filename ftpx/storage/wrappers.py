"""The wrappers that work around any storage."""

from __future__ import annotations

from ftpx.storage.mounted import MountedStorage
from ftpx.storage.permitted import PermittedStorage
from ftpx.storage.prefixed import PrefixedStorage, subtree
from ftpx.storage.readonly import ReadOnlyStorage

__all__ = ["MountedStorage", "PermittedStorage", "PrefixedStorage", "ReadOnlyStorage", "subtree"]
