"""
What pytest adds: a hypothesis profile whose examples are the same on every run, a folder to work in, and less to do for
the contract of storages, which dozens of them pass: ``make contracts`` has it whole.

No test depends on this file, so that all of them also run under trial.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from ftpx.testing.storage import StorageCase

_EXAMPLES = 60 if "CI" in os.environ else 200

if "WHOLE_CONTRACTS" not in os.environ:
    StorageCase.long_listing = 1050
    StorageCase.large_file = 3 * 2**20
    StorageCase.many_files = 30

settings.register_profile(
    "ftpx",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=_EXAMPLES,
    print_blob=True,
    # A machine that is busy with other work is no reason to fail.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ftpx")


@pytest.fixture(scope="session", autouse=True)
def _working_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As trial does, run the tests in a folder of their own: it is where their ``mktemp`` puts things."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("tests"))
    yield
    os.chdir(before)
