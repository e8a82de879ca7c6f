"""What has to hold so that ftpx installs, and installs beside Twisted."""

from __future__ import annotations

import os
import re
import tomllib

from twisted.application.service import ServiceMaker
from twisted.plugin import IPlugin
from twisted.python.reflect import namedModule
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import ftpx
from tests.qa.sources import PROJECT

_PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
_FRAGMENT = re.compile(r"(\+?[a-z0-9][a-z0-9-]*)\.(?P<kind>[a-z]+)\.md")


class PluginTests(SynchronousTestCase):
    """How twistd comes to know ftpx."""

    def test_twisted_stays_a_namespace(self) -> None:
        """With an ``__init__.py`` in these folders, Twisted itself would be hidden by ours."""
        self.assertEqual([str(path) for path in (PROJECT / "twisted").rglob("__init__.py")], [])

    def test_plugin_describes_the_service(self) -> None:
        """The plugin is a description: the options' module, and a line for the list of twistd."""
        plugin = namedModule("twisted.plugins.ftpx_plugin").ftpx
        self.assertIsInstance(plugin, ServiceMaker)
        verifyObject(IPlugin, plugin)
        self.assertEqual((plugin.tapname, plugin.module), ("ftpx", "ftpx.tap"))

    def test_plugin_is_not_named_like_the_package(self) -> None:
        """A module ``ftpx`` among the plugins would be found instead of the package."""
        self.assertEqual([path.name for path in (PROJECT / "twisted/plugins").glob("*.py")], ["ftpx_plugin.py"])


class MetadataTests(SynchronousTestCase):
    """pyproject.toml and the files beside it."""

    def test_version_is_a_version(self) -> None:
        """The version is said once, in the package."""
        self.assertEqual(_PYPROJECT["project"]["dynamic"], ["version"])
        self.assertRegex(ftpx.__version__, r"\A\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?\Z")

    def test_all_has_every_extra(self) -> None:
        """``ftpx[all]`` brings what each of the others brings."""
        extras = dict(_PYPROJECT["project"]["optional-dependencies"])
        self.assertEqual(extras.pop("all"), [f"ftpx[{','.join(sorted(extras))}]"])

    def test_every_ignored_rule_has_its_reason(self) -> None:
        """A rule of ruff is switched off with a reason on its line."""
        text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8").partition("\nignore = [\n")[2]
        lines = text.partition("[tool.ruff.lint.isort]")[0].splitlines()
        rules = [line.strip() for line in lines if line.startswith('    "')]
        self.assertGreater(len(rules), 10)
        self.assertEqual([rule for rule in rules if not re.fullmatch(r'"[A-Z]+\d*", +# .+', rule)], [])

    def test_scripts_can_be_run(self) -> None:
        """The scripts that make and CI start are executable."""
        scripts = sorted((PROJECT / ".ci").iterdir())
        self.assertIn("run", [script.name for script in scripts])
        self.assertEqual([script.name for script in scripts if not os.access(script, os.X_OK)], [])


class ChangelogTests(SynchronousTestCase):
    """The changelog is made of fragments, one a change."""

    def test_fragments(self) -> None:
        """A fragment has a kind that towncrier knows, and is one line of whole sentences."""
        kinds = {kind["directory"] for kind in _PYPROJECT["tool"]["towncrier"]["type"]}
        for path in sorted((PROJECT / "changelog.d").iterdir()):
            if path.name == ".gitkeep":
                continue
            match = _FRAGMENT.fullmatch(path.name)
            self.assertIsNotNone(match, f"{path.name} is not named NAME.KIND.md")
            assert match is not None
            self.assertIn(match["kind"], kinds, path.name)
            text = path.read_text(encoding="utf-8")
            self.assertRegex(text, r"\A[A-Z`][^\n]*[.!]\n\Z", path.name)

    def test_changelog_has_the_place_for_releases(self) -> None:
        """Releases are added behind this line."""
        marker = _PYPROJECT["tool"]["towncrier"]["start_string"]
        self.assertEqual((PROJECT / "CHANGELOG.md").read_text(encoding="utf-8").count(marker), 1)
