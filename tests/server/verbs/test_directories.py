"""CWD, CDUP, PWD, MKD and RMD."""

from __future__ import annotations

from tests.server.doubles import ServerCase


class DirectoriesTests(ServerCase):
    """Moving around, and the tree."""

    def test_working_directory(self) -> None:
        """PH01, PH02: CWD and CDUP move, never above the root, and PWD tells."""
        self.codes("MKD d", "MKD d/e")
        for line, path in (
            ("CWD d//./e/", "/d/e"),
            ("CDUP", "/d"),
            ("XCUP", "/"),
            ("CDUP", "/"),
            ("CWD ../../d", "/d"),
            ("CWD " + "../" * 2000, "/"),
            ("XCWD /d/e/..", "/d"),
        ):
            self.assertEqual(self.codes(line), [250], line)
            self.assertEqual(self.texts("PWD"), f'"{path}" is the working directory.')

    def test_not_a_directory(self) -> None:
        """A file or nothing cannot be entered, and the session stays where it is."""
        self.put("a")
        self.assertEqual(self.codes("CWD a", "CWD missing", "CWD a/b", "CWD %c0%ae%c0%ae"), [550] * 4)
        self.assertIn('"/"', self.texts("PWD"))

    def test_make(self) -> None:
        """PH10: MKD tells the absolute path, quotes doubled."""
        self.codes("MKD d", "CWD d")
        self.assertEqual(self.texts('MKD a"b'), '"/d/a""b" created.')
        self.assertEqual(self.texts("XMKD ../x y"), '"/x y" created.')
        self.assertEqual(self.codes('CWD a"b'), [250])
        self.assertIn('"/d/a""b"', self.texts("XPWD"))

    def test_remove(self) -> None:
        """Only an empty directory goes."""
        self.codes("MKD d", "MKD d/e")
        self.assertEqual(self.codes("RMD d", "RMD d/e", "XRMD d", "RMD d"), [550, 250, 250, 550])

    def test_working_directory_goes(self) -> None:
        """PH06: a working directory that is gone harms nobody."""
        self.codes("MKD d", "CWD d", "RMD /d")
        self.assertIn('"/d"', self.texts("PWD"))
        self.assertEqual(self.codes("MKD e", "STAT .", "CDUP"), [550, 550, 250])

    def test_long_and_deep(self) -> None:
        """PH12: long names are refused by the storage, deep paths work."""
        self.assertEqual(self.codes("MKD " + "x" * 255, "MKD " + "x" * 256), [257, 553])
        for _ in range(300):
            self.assertEqual(self.codes("MKD d", "CWD d"), [257, 250])
        self.assertEqual(self.texts("PWD").count("/d"), 300)
