"""What wrappers of a storage hand on of the optional abilities of what they wrap."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import alsoProvides
from zope.interface.interface import InterfaceClass

__all__ = ["provide_like"]


def provide_like(wrapper: object, inner: object, abilities: Iterable[InterfaceClass]) -> None:
    """Let a wrapper provide those of the abilities that the wrapped storage provides."""
    provided = [ability for ability in abilities if ability.providedBy(inner)]
    if provided:
        alsoProvides(wrapper, *provided)
