"""What a client needs from the machine it runs on: memory between commands, and news of progress."""

from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ledger.ids import ConsentId, Did

Progress = Callable[[int, int], None]
"""Called with (done, total) while something long runs."""


def silent(done: int, total: int) -> None:
    """A `Progress` that tells nobody."""


Moving = Callable[[str, int, int], None]
"""Called with (what is done, bytes done, bytes in all) while one large record is encrypted or stored."""


def unmoved(act: str, done: int, total: int) -> None:
    """A `Moving` that tells nobody."""


class SealedTo(NamedTuple):
    """One grant capsule: the compartment (32 bytes), its epoch, and who can open it."""

    compartment: bytes
    epoch: int
    recipient: Did


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFiling:
    """A consent that this patient signed; ``filing`` is its wire form (`consent.commitment.filing_to_json`).

    ``controller`` is the index of the controller that signed it; ``sealed`` says which grant capsules were
    last acknowledged for it. ``opened`` is never lowered: the highest epoch of each compartment (32 bytes)
    whose key was ever sent under it, noted before it was sent. ``closed``, never lowered either: the highest
    epoch of each whose key was taken from somebody again. ``taken``: a gateway has acknowledged it once.
    ``stopped`` is set before a revocation is sent and never taken back, whatever a gateway says.
    """

    controller: int
    filing: dict[str, Any] = field(repr=False)
    sealed: frozenset[SealedTo] = frozenset()
    opened: Mapping[bytes, int] = field(default_factory=dict)
    closed: Mapping[bytes, int] = field(default_factory=dict)
    taken: bool = False
    stopped: bool = False


class ClientState(Protocol):
    """What a client remembers between commands, kept encrypted under a key of its identity.

    Attributes may be assigned, ``filings`` changed in place; nothing is durable before `save` returned.
    """

    next_controller: int
    """The lowest controller index that this client never signed with."""

    fingerprint: bytes | None
    """SHA-256 of the Patient's id and identifiers in the first published bundle."""

    filings: MutableMapping[ConsentId, KeptFiling]
    """Every consent this client signed, also one whose filing never reached a gateway."""

    persons: MutableMapping[Did, bytes]
    """The same of the first bundle that was published for each other patient."""

    epochs: MutableMapping[bytes, int]
    """The highest epoch of each compartment (32 bytes) of which a patient's signed key was ever taken."""

    log_key: str | None
    """The verifier of the gateway's log key, as first seen; another one later is refused."""

    checkpoint: str | None
    """The largest checkpoint (signed note) seen so far."""

    @property
    def staging(self) -> Path:
        """The private directory for records on their way (see `staging`); it need not exist yet."""

    def keep_receipt(self, receipt: dict[str, Any]) -> None:
        """Keep a receipt (`log.receipt` JSON) durably as a file of its own, by its index."""

    def save(self) -> None:
        """Write everything durably: when this returns, a power loss loses nothing."""

    @property
    def keeps_all(self) -> bool:
        """Whether `save` keeps everything. Else it keeps stops, and nothing but stopping may be done."""

    def heed_stops(self) -> bool:
        """Take in the stops that other commands have made since; whether there were any."""

    def stopping(self) -> AbstractContextManager[None]:
        """While a stop is noted and the gateway told of it: whoever takes it in waits until it has ended."""
