"""Uploads of two owners to one object, in any order, against the model that all storages are held to."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import settings
from hypothesis.stateful import precondition, rule

from ftpx.interfaces import IStorage
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.testing.pool import InlinePool
from tests.storage.objects.memory_store import MemoryObjectStore
from tests.storage.test_partials_model import _MOST_UPLOADS, _OFFSETS, _OWNERS, _Partials


class _SmallObjectPartials(_Partials):
    """Every upload is smaller than a part."""

    part_size = 1000

    def make_storage(self) -> IStorage:
        times = itertools.count(1000)
        self.store = MemoryObjectStore(self.part_size, now=lambda: float(next(times)))
        return ResumableObjectStorage(self.store, InlinePool(), lambda: 0.0, lambda: float(next(times)))

    def teardown(self) -> None:
        super().teardown()
        self.done(self.storage.tidy_partials(0))
        assert self.store.uploads == {}
        assert self.store.hidden() == []


class _ObjectPartials(_SmallObjectPartials):
    """Uploads have parts of four octets, so they go on behind all that has come, or from the start."""

    part_size = 4

    @precondition(lambda self: len(self.running) < _MOST_UPLOADS)
    @rule(owner=_OWNERS, offset=_OFFSETS)
    def go_on(self, owner: str, offset: int | None) -> None:
        kept = self.kept.get(owner)
        if kept is not None and offset:
            offset = max(offset, len(kept.content))
        super().go_on(owner, offset)


_SETTINGS = settings(stateful_step_count=25, max_examples=60, deadline=None)

SmallObjectPartialsTests: Any = _SmallObjectPartials.TestCase
SmallObjectPartialsTests.settings = _SETTINGS
ObjectPartialsTests: Any = _ObjectPartials.TestCase
ObjectPartialsTests.settings = _SETTINGS
