"""Which of the grant capsules that patients deposited are for whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.canonical import hexed, unb64
from ledger.ids import Did
from ledger.service.gateway import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant capsule with the signed list that it stands in."""

    consent: str
    item: dict[str, Any]
    capsules: dict[str, Any]

    @property
    def place(self) -> tuple[str, int]:
        """Compartment and epoch that it opens."""
        return self.item["compartment"], self.item["epoch"]

    def as_json(self) -> dict[str, Any]:
        """The capsule with the digests and the signature of the list that it belongs to."""
        digests = [hexed(sha256(unb64(one["capsule"])).digest()) for one in self.capsules["list"]]
        return {
            "consent": self.consent,
            "compartment": self.item["compartment"],
            "epoch": self.item["epoch"],
            "capsule": self.item["capsule"],
            "list": digests,
            "signature": self.capsules["signature"],
        }


def grants(gateway: Gateway, tag: bytes, consents: Iterable[str], recipient: Did) -> list[Grant]:
    """Every capsule for `recipient` under some consents of the patient `tag`."""
    found = []
    with gateway.db.read() as connection:
        for consent in consents:
            capsules = gateway.stores.consents.capsules(connection, tag, consent) or {"list": []}
            found += [
                Grant(consent=consent, item=item, capsules=capsules)
                for item in capsules["list"]
                if item["recipient"] == recipient
            ]
    return found


def sealed_places(
    gateway: Gateway, tag: bytes, consents: Iterable[str], recipient: Did
) -> set[tuple[str, int]]:
    """Compartment and epoch of each of them."""
    return {grant.place for grant in grants(gateway, tag, consents, recipient)}
