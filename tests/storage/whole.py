"""What is left to the long run of the contracts."""

from __future__ import annotations

import os
from unittest import skipUnless

__all__ = ["whole_run"]

#: For a storage that is made of parts that pass the contract each by itself.
whole_run = skipUnless("WHOLE_CONTRACTS" in os.environ, "a combination: 'make contracts' tries it")
