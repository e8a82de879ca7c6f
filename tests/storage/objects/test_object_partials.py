"""Uploads that broke off: parts in a store, a journal beside them, and servers that end at any moment."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from unittest import mock

import attrs

from ftpx.errors import (
    FileReplaced,
    NotFound,
    OffsetBeyondEnd,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import IPartialFile, IStagedContent, Path
from ftpx.storage.objects.journal import Journal, Record, State
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.storage.objects.writers import LEASE, Writer
from tests.storage.objects.test_object_writing import ObjectTestCase

_A: Path = ("a",)
_WHOLE = bytes(range(100))
_DAY = 86_400.0


class PartialsCase(ObjectTestCase):
    """What is done with uploads that break off."""

    def begin_upload(self, content: bytes = b"", path: Path = _A) -> IPartialFile:
        """Begin an upload and write something."""
        file: IPartialFile = self.result(self.storage.begin_upload(path, "alice"))
        self.result(file.write(content))
        return file

    def leave(self, size: int, path: Path = _A) -> None:
        """An upload that breaks off behind so many octets."""
        self.result(self.begin_upload(_WHOLE[:size], path).suspend())

    def resume(self, offset: int | None = None, path: Path = _A) -> IPartialFile:
        """Go on."""
        file = self.result(self.storage.continue_upload(path, "alice", offset))
        assert file is not None
        return file

    def kept(self, path: Path = _A) -> int | None:
        """What is told to who asks for the size."""
        return self.result(self.storage.partial_size(path, "alice"))

    def finish(self, offset: int | None = None) -> None:
        """Go on and complete."""
        file = self.resume(offset)
        self.result(file.write(_WHOLE[file.offset :]))
        self.result(file.commit())
        self.assertEqual(self.store.seen(), {"a": _WHOLE})
        self.assert_clean()

    def crash(self, *, elsewhere: bool = False) -> None:
        """The server has ended as by kill -9, here or on another machine; the next one starts here."""
        writer = self.storage._partials.writer
        if elsewhere:
            ended = attrs.evolve(writer, processes="another machine")
        else:
            ended = attrs.evolve(writer, started="long ago")
        for key, found in self.store.objects.items():
            if key.startswith(".ftpx-upload-"):
                found.content = found.content.replace(_written(writer), _written(ended))
        self.storage = self.make_storage()


def _written(writer: Writer) -> bytes:
    record = Record(State.KEPT, "a", None, None, 0, writer)
    return record.dump().partition(b'"writer":')[2].partition(b"}")[0]


class SuspendedTests(PartialsCase):
    """Uploads whose connection was lost."""

    def test_every_size(self) -> None:
        """However much has come, it goes on behind it, and no part is sent twice."""
        for size in range(1, 35):
            self.store.calls.clear()
            self.leave(size)
            self.assertEqual(self.kept(), size)
            self.storage = self.make_storage()
            self.finish(size)
            self.assertEqual(self.store.asked("put_part"), [f"a#{number}" for number in range(1, 11)])
            self.result(self.storage.remove_file(_A))

    def test_again_and_again(self) -> None:
        """It may break off anywhere, any number of times."""
        self.leave(1)
        for size in range(2, 100):
            file = self.resume()
            self.assertEqual(file.offset, size - 1)
            self.result(file.write(_WHOLE[size - 1 : size]))
            self.result(file.suspend())
            self.assertEqual(len(self.store.hidden()), 1)
        self.finish()

    def test_offsets(self) -> None:
        """Behind which octets it goes on: all, any that are no part yet, or none."""
        for size in (25, 30, 31):
            self.leave(size)
            # The last ten are no part, however many come: nobody knows yet that there are more.
            stored = (size - 1) // 10 * 10
            for offset in range(1, stored):
                self.assert_fails(self.storage.continue_upload(_A, "alice", offset), FileReplaced)
            self.assert_fails(self.storage.continue_upload(_A, "alice", size + 1), OffsetBeyondEnd)
            for offset in range(stored, size):
                self.result(self.resume(size).suspend())
                file = self.resume(offset)
                self.assertEqual(file.offset, offset)
                self.result(file.write(_WHOLE[offset:size]))
                self.result(file.suspend())
            file = self.resume(0)
            self.result(file.write(_WHOLE))
            self.result(file.commit())
            self.assertEqual(self.store.seen(), {"a": _WHOLE})
            self.assert_clean()
            self.result(self.storage.remove_file(_A))

    def test_reason(self) -> None:
        """Who goes on where that cannot be is told where it can."""
        self.leave(25)
        error = self.failureResultOf(self.begin(self.storage.continue_upload(_A, "alice", 5)), FileReplaced).value
        self.assertIn("The first 20 octets of this upload are stored for good, of 25", str(error))

    def test_read_back(self) -> None:
        """What is no part yet can be read back, so its digest can be compared; parts cannot."""
        self.leave(7)
        file = self.resume(5)
        self.assertEqual(self.result(IStagedContent(file).read_back(1, 100)), _WHOLE[1:5])
        self.result(file.suspend())
        file = self.resume()
        self.result(file.write(_WHOLE[5:25]))
        self.assertEqual(self.result(IStagedContent(file).read_back(0, 5)), _WHOLE[:5])
        self.result(file.suspend())
        file = self.resume()
        self.assertFalse(IStagedContent.providedBy(file))
        self.result(file.abort())
        self.assert_clean()

    def test_part_that_was_not_stored(self) -> None:
        """If the part that was on its way fails, what is kept is what was before it."""
        self.store.fail("put_part", None, None, StorageFailure("broken"))
        file = self.begin_upload(_WHOLE[:30])
        self.assert_fails(file.write(_WHOLE[30:35]), StorageFailure)
        self.result(file.suspend())
        self.assertEqual(self.kept(), 20)
        self.finish()

    def test_part_before_one_that_was_stored(self) -> None:
        """If of two parts on their way the second is stored and the first fails, what is kept is what was before it."""
        file = self.begin_upload(_WHOLE[:20])
        self.store.fail("put_part", None, StorageFailure("broken"))
        self.pool.waits = True
        self.begin(file.write(_WHOLE[20:35])).addErrback(lambda _: None)
        self.pool.waiting.reverse()
        self.pool.make_next()
        self.pool.make_next()
        self.pool.waits = False
        self.assertEqual(self.store.asked("put_part"), ["a#1", "a#3", "a#2"])
        self.assert_fails(file.write(b"x"), StorageFailure)
        self.result(file.suspend())
        self.assertEqual(self.kept(), 10)
        self.finish()

    def test_killed_between_two_parts(self) -> None:
        """So it is if the server ends then."""
        file = self.begin_upload(_WHOLE[:20])
        self.pool.waits = True
        self.begin(file.write(_WHOLE[20:35]))
        self.pool.waiting.reverse()
        self.pool.make_next()
        self.pool.waits = False
        self.storage = self.make_storage()
        self.seconds += LEASE
        self.assertEqual(self.kept(), 10)

    def test_store_is_gone(self) -> None:
        """What cannot be written down at the end is lost, and no more than that."""
        file = self.begin_upload(_WHOLE[:35])
        self.store.fail("put", StorageFailure("gone"))
        self.result(file.suspend())
        self.assertEqual(self.kept(), 30)
        self.finish()

    def test_abort_that_the_store_does_not_hear(self) -> None:
        """If the store is what breaks the upload off, what it has can be gone on with when it is back."""
        file = self.begin_upload(_WHOLE[:25])
        self.store.fail("put_part", StorageFailure("gone"))
        self.assert_fails(self._write(file, _WHOLE[25:60]), StorageFailure)
        self.store.fail("abort", StorageFailure("gone"))
        self.result(file.abort())
        self.assertEqual(self.kept(), 20)
        self.finish()

    async def _write(self, file: IPartialFile, content: bytes) -> None:
        for number in range(len(content)):
            await file.write(content[number : number + 1])

    def test_complete_that_had_no_answer(self) -> None:
        """If the store does not answer when all is sent, the owner publishes it later without another octet."""
        file = self.begin_upload(_WHOLE)
        self.store.fail("complete", StorageUnavailable("not now"))
        self.assert_fails(file.commit(), StorageUnavailable)
        self.assertEqual(self.kept(), 100)
        self.finish()

    def test_behind_a_last_part(self) -> None:
        """Such an upload has had its last part, so nothing can follow it."""
        file = self.begin_upload(_WHOLE[:35])
        self.store.fail("complete", StorageUnavailable("not now"))
        self.assert_fails(file.commit(), StorageUnavailable)
        file = self.resume()
        self.result(file.write(b"more"))
        self.assert_fails(file.commit(), StorageFailure)
        self.assert_clean()

    def test_parts_that_expired(self) -> None:
        """If the store has thrown the parts away by a rule of its own, there is nothing to go on with."""
        self.leave(25)
        self.store.uploads.clear()
        self.assertIsNone(self.kept())
        self.assertIsNone(self.result(self.storage.continue_upload(_A, "alice", None)))
        self.result(self.storage.tidy_partials(0))
        self.assert_clean()

    def test_superseded(self) -> None:
        """An upload that is published from its start throws away the parts of the one before."""
        self.leave(25)
        file = self.begin_upload(b"whole")
        self.result(file.commit())
        self.assertEqual(self.store.uploads, {})
        self.assert_fails(self.storage.continue_upload(_A, "alice", 4), FileReplaced)
        self.assertEqual(self.store.seen(), {"a": b"whole"})

    def test_most(self) -> None:
        """An owner has so many partial uploads at most; of more, the oldest go, with their parts."""
        with mock.patch("ftpx.storage.objects.partials.MOST_PARTIALS", 3):
            for number in range(6):
                self.seconds += 1
                self.leave(25, (f"f{number}",))
        self.assertEqual([self.kept((f"f{number}",)) for number in range(6)], [None, None, None, 25, 25, 25])
        self.assertEqual(len(self.store.uploads), 3)
        self.assertEqual(self.result(self.storage.kept_octets("alice")), 75)

    def test_tidy(self) -> None:
        """What is too old goes with its parts, and what is not stays."""
        self.leave(25)
        self.seconds += 100
        self.leave(25, ("b",))
        self.result(self.storage.tidy_partials(50))
        self.assertEqual((self.kept(), self.kept(("b",))), (None, 25))
        self.assertTrue(self.result(self.storage.discard_partial(("b",), "alice")))
        self.assert_clean()

    def test_what_is_no_record(self) -> None:
        """What others have put among the records harms nobody, and goes with its time."""
        self.leave(25)
        (key,) = self.store.hidden()
        for number, octets in enumerate((b"", b"\xff\n", b"{}\n", b"[" * 5000, b'{"writer":5}\n', b"x" * 20_000)):
            self.store.put(f"{key[:-23]}{number:016x}.000000", octets)
        self.store.put(".ftpx-upload-staging/other", b"")
        self.assertEqual(self.result(self.storage.kept_octets("alice")), 25)
        self.result(self.storage.tidy_partials(3600))
        self.seconds += 7200
        self.result(self.storage.tidy_partials(3600))
        self.assertEqual((self.store.uploads, self.store.hidden()), ({}, [".ftpx-upload-staging/other"]))


class CrashTests(PartialsCase):
    """CR05: servers that end without a word."""

    def test_killed(self) -> None:
        """What the store has as parts goes on at the next server at once; no part is sent twice."""
        for size in (11, 25, 40):
            self.store.calls.clear()
            self.result(self.begin_upload(_WHOLE[:size]).write(b""))
            self.crash()
            stored = (size - 1) // 10 * 10
            self.assertEqual((self.kept(), self.result(self.storage.kept_octets("alice"))), (stored, stored))
            self.finish(stored)
            self.assertEqual(self.store.asked("put_part"), [f"a#{number}" for number in range(1, 11)])
            self.result(self.storage.remove_file(_A))

    def test_killed_when_it_went_on(self) -> None:
        """The octets that were no part are there as long as they are none, also if the next server is killed too."""
        for size, written in ((7, 0), (7, 2), (27, 0), (27, 2)):
            self.leave(size)
            for _ in range(3):
                self.result(self.resume().write(_WHOLE[size : size + written]))
                self.crash()
                self.assertEqual(self.kept(), size)
            self.finish()
            self.result(self.storage.remove_file(_A))

    def test_killed_behind_the_next_part(self) -> None:
        """When they are part of one, they are not put behind it again."""
        self.leave(27)
        self.result(self.resume().write(_WHOLE[27:45]))
        self.crash()
        self.assertEqual(self.kept(), 40)
        self.finish()

    def test_tidied(self) -> None:
        """What a crash has left is kept for its time, and no longer."""
        self.begin_upload(_WHOLE[:25])
        self.crash()
        self.result(self.storage.tidy_partials(3600))
        self.assertEqual(self.kept(), 20)
        self.seconds += 3600
        self.result(self.storage.tidy_partials(3600))
        self.assert_clean()

    def test_discarded(self) -> None:
        """Or until its owner throws it away."""
        self.begin_upload(_WHOLE[:25])
        self.crash()
        self.assertTrue(self.result(self.storage.discard_partial(_A, "alice")))
        self.assert_clean()

    def test_another_machine(self) -> None:
        """Of a server on another machine nobody knows that it has ended, until it was silent for long enough."""
        self.begin_upload(_WHOLE[:25])
        self.crash(elsewhere=True)
        self.assert_fails(self.storage.continue_upload(_A, "alice", None), StorageUnavailable)
        self.seconds += LEASE - 1
        self.assert_fails(self.storage.continue_upload(_A, "alice", None), StorageUnavailable)
        self.assertEqual(self.kept(), 20)
        self.seconds += 1
        self.finish()

    def test_times_are_those_of_the_observer(self) -> None:
        """The time begins when the server looks for the first time, which it does when it starts."""
        self.begin_upload(_WHOLE[:25])
        self.crash(elsewhere=True)
        self.result(self.storage.tidy_partials(_DAY))
        self.seconds += LEASE
        self.finish()

    def test_another_machine_lives(self) -> None:
        """One that writes says so now and then, and is not taken for dead."""
        file = self.begin_upload(_WHOLE[:25])
        other = self.make_storage()
        for number in range(6):
            self.seconds += LEASE / 2
            self.result(file.write(_WHOLE[25 + number : 26 + number]))
            self.assert_fails(other.continue_upload(_A, "alice", None), StorageUnavailable)
        self.result(other.tidy_partials(1))
        self.assertFalse(self.result(other.discard_partial(_A, "alice")))
        self.result(file.write(_WHOLE[31:]))
        self.result(file.commit())
        self.assertEqual(self.store.seen(), {"a": _WHOLE})
        self.assert_clean()

    def taken_over(self) -> tuple[IPartialFile, IPartialFile, ResumableObjectStorage]:
        """An upload whose server hung for so long that another has gone on with it."""
        file = self.begin_upload(_WHOLE[:25])
        other = self.make_storage()
        self.assert_fails(other.continue_upload(_A, "alice", None), StorageUnavailable)
        self.seconds += LEASE
        going_on = self.result(other.continue_upload(_A, "alice", None))
        assert going_on is not None
        self.assertEqual(going_on.offset, 20)
        return file, going_on, other

    def test_taken_over(self) -> None:
        """A server that hung and comes back harms nobody who has gone on: neither by its end..."""
        for end in ("suspend", "abort"):
            file, going_on, _ = self.taken_over()
            self.result(going_on.write(_WHOLE[20:45]))
            self.result(getattr(file, end)())
            self.result(going_on.write(_WHOLE[45:]))
            self.result(going_on.commit())
            self.assertEqual(self.store.seen(), {"a": _WHOLE})
            self.assert_clean()
            self.result(self.storage.remove_file(_A))

    def test_taken_over_and_both_write(self) -> None:
        """...nor by what it still sends: a file is of one of the two, or there is none."""
        file, going_on, _ = self.taken_over()
        self.result(going_on.write(b"n" * 25))
        self.result(file.write(b"o" * 30))
        self.assert_fails(going_on.commit(), StorageFailure)
        self.assertEqual(self.store.seen(), {})

    def test_two_at_once(self) -> None:
        """Of two servers that go on with the same upload in the same moment one does."""
        self.leave(25)
        other = self.make_storage()
        won: list[IPartialFile] = []

        def other_first() -> None:
            self.store.before.clear()
            file = self.result(other.continue_upload(_A, "alice", None))
            assert file is not None
            won.append(file)

        self.store.before["put"] = other_first
        self.assert_fails(self.storage.continue_upload(_A, "alice", None), FileReplaced)
        self.result(won[0].write(_WHOLE[25:]))
        self.result(won[0].commit())
        self.assertEqual(self.store.seen(), {"a": _WHOLE})
        self.assert_clean()

    def test_cancelled_claim(self) -> None:
        """Who is cancelled while an upload is taken for him leaves it as one that broke off."""
        self.leave(25)
        self.pool.waits = True
        waiting = self.begin(self.storage.continue_upload(_A, "alice", None))
        self.store.before["look"] = waiting.cancel
        self.pool.make_next()
        self.pool.waits = False
        self.store.before.clear()
        self.failureResultOf(waiting)
        self.finish()


class WriterTests(ObjectTestCase):
    """Which process writes, and whether it still does."""

    def test_here(self) -> None:
        """This process has not ended; another of its number has, and of those elsewhere nobody knows."""
        here = Writer.here()
        self.assertFalse(here.has_ended())
        self.assertNotEqual(here.instance, Writer.here().instance)
        if not here.started:
            self.skipTest("this system does not tell when a process was started")
        self.assertTrue(attrs.evolve(here, started="1").has_ended())
        self.assertTrue(attrs.evolve(here, process=2**22 + 1).has_ended())
        self.assertFalse(attrs.evolve(here, processes="another", started="1").has_ended())

    def test_record(self) -> None:
        """A record comes back as it was written, and nothing else is taken for one."""
        record = Record(State.UNDER_WAY, 'd/"ü"', "id", None, 20, Writer.here(), 3)
        self.assertEqual(Record.load(record.dump()), record)
        for wrong in (b"", b"null", b"{}", record.dump().replace(b"20", b"-1"), record.dump().replace(b"20", b"true")):
            self.assertRaises(ValueError, Record.load, wrong)

    def test_record_renewed_while_it_is_read(self) -> None:
        """A record that is written while it is looked at is read again."""
        journal = Journal(self.store)
        self.result(self.result(self.storage.begin_upload(("a",), "alice")).write(b"x" * 25))
        (traces,) = journal.traces()
        content = self.store.objects[traces[0].entry.key].content
        self.store.put(traces[0].entry.key, content)
        found = journal.look(traces)
        assert found is not None
        self.assertEqual(found.record.key, "a")
        self.store.delete(traces[0].entry.key)
        self.assertIsNone(journal.look(traces))
        self.assertRaises(NotFound, self.store.head, traces[0].entry.key)
