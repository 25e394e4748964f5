"""A change of keys on its way: first to a provider who meets the patient, then to the patient's gateway.

::

    {"acceptance":"0x…","format":"consent-ledger/succession/1","identification":"0x…","new":"did:…",
     "old":"did:…","signature":"0x…","witness":"did:…"}

Old and new account sign `Succession`. The witness has met the patient, knows who they are, and signs
`Identification`; before that, ``witness`` and ``identification`` are absent. Nothing in it is secret.
"""

from dataclasses import dataclass, replace
from typing import Self

from ledger.canonical import canonical, hexed, unhex
from ledger.crypto.identity import Account
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Domain, Identification, Succession
from ledger.errors import InvalidInput
from ledger.ids import Did, did_of, parse_did
from ledger.parties.text import handed_over, parse_text, text

FORMAT = "consent-ledger/succession/1"
_WITNESSED = frozenset({"witness", "identification"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A patient gives up the account ``old`` for ``new``."""

    old: Did
    new: Did
    signature: bytes
    acceptance: bytes
    witness: Did | None = None
    identification: bytes = b""

    @classmethod
    def sign(cls, old: Account, new: Account, domain: Domain, chain_id: int) -> Self:
        """The change by the holder of both accounts; no witness yet."""
        digest = Succession(old=old.address, new=new.address).digest(domain)
        return cls(
            old=did_of(chain_id, old.address),
            new=did_of(chain_id, new.address),
            signature=old.sign(digest),
            acceptance=new.sign(digest),
        )

    def witnessed(self, witness: Account, domain: Domain) -> "Change":
        """The same, signed by somebody who has met the patient in person."""
        chain_id, old = parse_did(self.old)
        met = Identification(old=old, new=parse_did(self.new)[1], witness=witness.address)
        did = did_of(chain_id, witness.address)
        return replace(self, witness=did, identification=witness.sign(met.digest(domain)))

    def verify(self, domain: Domain) -> None:
        """Check that both accounts have signed, and the witness, if there is one.

        Raises:
            SignatureInvalid: somebody else did, or it was changed.
        """
        old, new = parse_did(self.old)[1], parse_did(self.new)[1]
        given = Succession(old=old, new=new).digest(domain)
        with handed_over("change of keys"):
            verify(given, self.signature, old)
            verify(given, self.acceptance, new)
            if self.witness is not None:
                witness = parse_did(self.witness)[1]
                met = Identification(old=old, new=new, witness=witness)
                verify(met.digest(domain), self.identification, witness)

    @property
    def text(self) -> bytes:
        """The RFC 8785 bytes."""
        witnessed = (
            {}
            if self.witness is None
            else {"witness": self.witness, "identification": hexed(self.identification)}
        )
        signed = {"signature": hexed(self.signature), "acceptance": hexed(self.acceptance)}
        return canonical({"format": FORMAT, "old": self.old, "new": self.new, **signed, **witnessed})


def parse_change(raw: bytes | str) -> Change:
    """The change of keys of which `raw` is the canonical text, not verified yet.

    Raises:
        InvalidInput: not canonical, a member too many or too few, or a value out of form.
        TooLarge: more than 16 KiB.
    """
    members = parse_text(raw, FORMAT, {"old", "new", "signature", "acceptance"}, _WITNESSED)
    if members.keys() & _WITNESSED not in (set(), _WITNESSED):
        raise InvalidInput("a witness signs", reason="bad_members")
    people = {name: Did(text(members[name])) for name in ("old", "new", "witness") if name in members}
    if len({parse_did(did) for did in people.values()}) != len(people):
        raise InvalidInput("old account, new account and witness are three", reason="own_witness")
    return Change(
        old=people["old"],
        new=people["new"],
        signature=unhex(text(members["signature"])),
        acceptance=unhex(text(members["acceptance"])),
        witness=people.get("witness"),
        identification=unhex(text(members.get("identification", "0x"))),
    )
