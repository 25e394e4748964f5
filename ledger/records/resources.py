"""What a bundle holds: resources as their exact bytes and as values, and how they name each other."""

import re
from dataclasses import dataclass, field
from typing import Any

_VERSION = re.compile(r"/_history/[^/]+$")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Resource:
    """One entry: ``raw`` is the resource as the source wrote it, byte for byte; ``value`` the same, parsed.

    ``value`` is for reading attributes only: its decimals went through float.
    """

    index: int
    type: str
    id: str | None
    full_url: str
    raw: bytes
    value: dict[str, Any]

    @property
    def name(self) -> str:
        """``Type/id``, or the full URL of a resource without id."""
        return f"{self.type}/{self.id}" if self.id else self.full_url

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that the resource is referred to by, sorted."""
        return tuple(sorted({self.name, self.full_url}))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Resources:
    """Resources that may refer to each other, in the order of the source."""

    resources: tuple[Resource, ...]
    _named: dict[str, Resource | None] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        named: dict[str, Resource | None] = {}
        for resource in self.resources:
            for name in resource.names:
                named[name] = None if name in named else resource
        object.__setattr__(self, "_named", named)

    def resolve(self, reference: str) -> Resource | None:
        """The one resource that a literal reference names, with or without a version."""
        return self._named.get(unversioned(reference))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bundle(Resources):
    """The resources of exactly one patient."""

    type: str
    patient: Resource


def unversioned(reference: str) -> str:
    """A reference without the version that it may name."""
    return _VERSION.sub("", reference)
