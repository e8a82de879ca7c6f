"""The packages of ftpx; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

# Twisted looks for plugins in folders "twisted/plugins" without an __init__.py, which
# find_packages does not see.
setup(
    packages=[*find_packages(include=["ftpx", "ftpx.*"]), "twisted.plugins"],
    package_data={"ftpx": ["py.typed"]},
)
