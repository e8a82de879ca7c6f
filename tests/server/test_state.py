"""What a session remembers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.state import Login, Pending, SessionState, TransferType
from ftpx.testing.data import MemoryDataConnections


class SessionStateTests(SynchronousTestCase):
    """The state and what drops it."""

    def test_forget(self) -> None:
        """A command drops what its record does not keep."""
        state = SessionState(restart=5, range_end=9, rename_from=("a",), copy_from=("b",))
        state.forget(Pending.RESTART | Pending.RENAME | Pending.COPY)
        self.assertEqual((state.restart, state.range_end, state.rename_from, state.copy_from), (5, 9, ("a",), ("b",)))
        state.forget(Pending.COPY)
        self.assertEqual((state.restart, state.range_end, state.rename_from, state.copy_from), (0, None, None, ("b",)))
        state.forget(Pending.NOTHING)
        self.assertIsNone(state.copy_from)

    def test_take_range(self) -> None:
        """A range is good for one transfer."""
        state = SessionState(restart=5, range_end=9)
        self.assertEqual(state.take_range(), (5, 9))
        self.assertEqual(state.take_range(), (0, None))

    def test_data_port(self) -> None:
        """DC25, DC31: there is at most one data port, and it is good for one transfer."""
        data = MemoryDataConnections()
        state = SessionState()
        first, second = data.listen("127.0.0.1", frozenset()), data.dial("127.0.0.1", 5000, None)
        state.set_data_port(first)
        state.set_data_port(second)
        self.assertEqual((first.closed, second.closed), (True, False))
        self.assertIs(state.take_data_port(), second)
        self.assertIsNone(state.take_data_port())
        self.assertFalse(second.closed)

    def test_reset(self) -> None:
        """AU11, AU13: the login ends, once; USER keeps the transfer parameters and REIN does not."""
        logouts: list[int] = []
        port = MemoryDataConnections().listen("127.0.0.1", frozenset())
        state = SessionState(
            login=Login.DONE,
            logout=lambda: logouts.append(1),
            cwd=("d",),
            failures=2,
            type=TransferType.IMAGE,
            facts=frozenset({"size"}),
            data_port=port,
        )
        kept = state.reset(keep_parameters=True)
        self.assertEqual(kept, SessionState(failures=2, type=TransferType.IMAGE, facts=frozenset({"size"})))
        self.assertTrue(port.closed)
        self.assertEqual(state.reset(keep_parameters=False), SessionState(failures=2))
        self.assertEqual(logouts, [1])
