"""Where the three contracts are, as data and as the file that names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ledger import durable
from ledger.canonical import canonical, parse_object
from ledger.errors import CallerError, Conflict, InvalidInput, NotFound, StoreUnavailable
from ledger.ids import Address, parse_address

_KEYS = {"chain_id", "registry", "directory", "anchor", "block"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One set of contracts; ``block`` is the first in which any of them can have emitted an event."""

    chain_id: int
    registry: Address
    directory: Address
    anchor: Address
    block: int

    @property
    def addresses(self) -> tuple[Address, Address, Address]:
        """All three contracts."""
        return self.registry, self.directory, self.anchor

    def to_json(self) -> dict[str, Any]:
        """As network and deployment files carry it."""
        return {
            "chain_id": self.chain_id,
            "registry": self.registry,
            "directory": self.directory,
            "anchor": self.anchor,
            "block": self.block,
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The deployment in a JSON object.

        Raises:
            InvalidInput: other keys, or values that are not addresses and numbers.
        """
        if not isinstance(value, Mapping) or set(value) != _KEYS:
            raise InvalidInput(
                f"a deployment has the keys {', '.join(sorted(_KEYS))}", reason="bad_deployment"
            )
        numbers, names = (value["chain_id"], value["block"]), ("registry", "directory", "anchor")
        if any(type(number) is not int for number in numbers) or value["chain_id"] < 1 or value["block"] < 0:
            raise InvalidInput("chain_id and block of a deployment are numbers", reason="bad_deployment")
        if not all(isinstance(value[name], str) for name in names):
            raise InvalidInput("the contracts of a deployment are addresses", reason="bad_deployment")
        registry, directory, anchor = (parse_address(value[name]) for name in names)
        return cls(
            chain_id=value["chain_id"],
            registry=registry,
            directory=directory,
            anchor=anchor,
            block=value["block"],
        )

    def same_place(self, other: "Deployment") -> bool:
        """Whether both name the same contracts, whatever block they give."""
        return (self.chain_id, self.addresses) == (other.chain_id, other.addresses)


def read(path: Path) -> Deployment:
    """The deployment in a file.

    Raises:
        NotFound: no such file.
        InvalidInput: it holds something else.
        StoreUnavailable: it cannot be read.
    """
    try:
        return Deployment.from_json(parse_object(path.read_bytes()))
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.") from exc
    except IsADirectoryError as exc:
        raise _is_a_directory(path) from exc
    except CallerError as exc:
        raise InvalidInput(
            f"the file {path} names no deployment: {exc.message}",
            reason="bad_deployment",
            fix="Name a file that 'consent contracts deploy' has written.",
        ) from exc
    except OSError as exc:
        raise StoreUnavailable(f"the file {path} cannot be read", reason="file_not_read") from exc


def write(path: Path, deployment: Deployment, *, replace: bool = False) -> bool:
    """Put a deployment into a file, whole and durably; whether the file had to be changed.

    Raises:
        Conflict: the file names other contracts (``other_deployment``) or an earlier first block
            (``earlier_block``), and `replace` does not say that they may be forgotten.
        InvalidInput: it holds something else, or is a directory.
        NotFound: the directory that it is to be in (``directory_missing``).
        StoreUnavailable: it cannot be read or written.
    """
    require_writable(path, deployment, replace=replace)
    content = canonical(deployment.to_json()) + b"\n"
    if path.exists() and path.read_bytes() == content:
        return False
    with durable.appearing(path) as file:
        file.write(content)
    path.chmod(0o644)  # it is public
    return True


def require_writable(path: Path, deployment: Deployment, *, replace: bool) -> None:
    """Refuse a file that `write` would refuse, for the same reasons."""
    if path.is_dir():
        raise _is_a_directory(path)
    if not path.parent.is_dir():
        raise NotFound(
            f"there is no directory {path.parent}",
            reason="directory_missing",
            fix="Make it, or name another.",
        )
    if replace or not path.exists():
        return
    known = read(path)
    if not known.same_place(deployment):
        raise Conflict(
            f"the file {path} names other contracts",
            reason="other_deployment",
            fix="Name another file with --output, or say that those may be forgotten: --replace",
        )
    if known.block < deployment.block:
        raise Conflict(
            f"the file {path} has the first block {known.block}, which is before {deployment.block}: from a "
            "later one on, events can be missed",
            reason="earlier_block",
            fix="Leave out --block, or say that the block in the file may be forgotten: --replace",
        )


def _is_a_directory(path: Path) -> InvalidInput:
    return InvalidInput(
        f"the path {path} is a directory, not a file", reason="is_a_directory", fix="Name a file in it."
    )
