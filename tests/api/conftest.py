"""A patient with records and a consent, a clinic that the consent names, and strangers, over real HTTP."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from api.stack import Stack
from ledger.canonical import hexed
from ledger.client.drafting import Wish
from ledger.crypto.signatures import personal_digest
from ledger.crypto.typed import AccessRequest, gateway_domain
from ledger.ids import ConsentId
from ledger.service.signin import parse_message
from tests.databases import Databases
from tests.network import Network, Person, serving, small_bundle


@pytest.fixture(scope="session")
def database_url(databases: Databases) -> str:
    return databases.empty()


@pytest.fixture(scope="session")
def network(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    state = tmp_path_factory.mktemp("stack") / "state"
    with serving(Stack(state, database_url=database_url)) as found:
        yield found


@dataclass
class Scene:
    """Who there is, and the consent of `alice` that names `clinic`."""

    network: Network
    alice: Person
    mallory: Person
    clinic: Person
    stranger: Person
    consent: ConsentId
    roots: list[str]
    tokens: dict[str, str] = field(default_factory=dict)

    def signed_in(self, person: Person) -> httpx2.Client:
        """A bare HTTP client in a session of somebody that tests share."""
        if person.did not in self.tokens:
            self.tokens[person.did] = self.token(person)
        client = self.http(None)
        client.headers["Authorization"] = f"Bearer {self.tokens[person.did]}"
        return client

    def http(self, person: Person | None) -> httpx2.Client:
        """A bare HTTP client, signed in as somebody or as nobody."""
        headers = {} if person is None else {"Authorization": f"Bearer {self.token(person)}"}
        return httpx2.Client(base_url=self.network.stack.url, timeout=30, headers=headers)

    def token(self, person: Person) -> str:
        """A new session of somebody."""
        with httpx2.Client(base_url=self.network.stack.url, timeout=30) as client:
            return sign_in(client, person)

    def access_request(self, person: Person, **change: object) -> dict[str, Any]:
        """A signed request for all of Alice's records."""
        asked: dict[str, Any] = {
            "origin": self.network.stack.url,
            "participant": person.did,
            "patient": self.alice.did,
            "purpose": ["TREAT"],
            "action": "access",
            "classes": [],
            "records": [],
            "nonce": hexed(os.urandom(32)),
            "expires": int(time.time()) + 60,
            **change,
        }
        typed = AccessRequest(
            origin=asked["origin"],
            participant=person.identity.account.address,
            patient=self.alice.identity.account.address,
            purpose=tuple(asked["purpose"]),
            action=asked["action"],
            classes=tuple(asked["classes"]),
            records=tuple(asked["records"]),
            nonce=bytes.fromhex(asked["nonce"][2:]),
            expires=asked["expires"],
        )
        digest = typed.digest(gateway_domain(self.network.config.deployment.chain_id))
        return {"request": asked, "signature": hexed(person.identity.account.sign(digest))}


def sign_in(client: httpx2.Client, person: Person) -> str:
    """A token for somebody, by way of the challenge."""
    asked = {"account": person.identity.account.address}
    message = client.post("/v1/sign-in/challenge", json=asked).json()["message"]
    parse_message(message)
    signature = hexed(person.identity.account.sign(personal_digest(message)))
    return str(client.post("/v1/sign-in", json={"message": message, "signature": signature}).json()["token"])


@pytest.fixture(scope="module")
def scene(network: Network) -> Scene:
    clinic, stranger = network.admitted("Hill Clinic"), network.admitted("Other Clinic")
    alice, mallory = network.enrolled(), network.enrolled()
    patient = network.patient(alice)
    published = patient.publish_bundle(small_bundle("Observation", "Condition"))
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    return Scene(
        network=network,
        alice=alice,
        mallory=mallory,
        clinic=clinic,
        stranger=stranger,
        consent=done.consent,
        roots=[record.root for record in published],
    )
