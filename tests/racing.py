"""Clients that ask for access while patients stop sharing, and the history of what they were told."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ledger.canonical import hexed
from ledger.crypto.typed import Revocation, consent_domain
from ledger.ids import ConsentId, parse_word
from tests.linearizability import Act, Kind
from tests.network import Network, Person

AFTER = 6
"""How many answers each client still takes once the stop is acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contested:
    """A consent that will be stopped: what to ask, and the path and body by which its patient stops it."""

    consent: str
    question: dict[str, Any]
    path: str
    body: dict[str, Any]
    token: str = field(repr=False)


def contest(network: Network, clinic: Person, alice: Person, consent: ConsentId, token: str) -> Contested:
    """The consent that `alice` filed last, of which `clinic` asks; `token` is of her session."""
    deployment = network.config.deployment
    domain = consent_domain(deployment.chain_id, deployment.registry)
    controller = alice.identity.controller(alice.state.next_controller - 1)
    signature = controller.sign(Revocation(consent=parse_word(consent)).digest(domain))
    question = {
        "subject": {"type": "participant", "id": clinic.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": alice.did},
        "context": {"purpose": ["TREAT"]},
    }
    return Contested(
        consent=consent,
        question=question,
        path=f"/v1/consents/{consent}/revocation",
        body={"signature": hexed(signature)},
        token=token,
    )


def history(
    urls: Sequence[str], contested: Sequence[Contested], token: str, *, clients: int, before: int = 4
) -> list[Act]:
    """What `clients` were told: one of each consent stops it, the others ask, about each at all `urls`.

    A stop is sent when every client that asks about the consent has had `before` answers.
    """
    asking: list[_Asker] = []
    while len(asking) < clients - len(contested):
        turn, place = divmod(len(asking), len(contested))
        asking.append(_Asker(urls[turn % len(urls)], contested[place], token, before=before))
    stopping = [
        _Stopper(urls[place % len(urls)], one, [each for each in asking if each.contested is one])
        for place, one in enumerate(contested)
    ]
    threads: list[_Client] = [*asking, *stopping]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for thread in threads:
        if thread.failed is not None:
            raise thread.failed
    return [act for thread in threads for act in thread.acts]


class _Client(threading.Thread):
    """Posts over one connection, and notes when it called and when it was answered."""

    def __init__(self, url: str, contested: Contested, token: str) -> None:
        super().__init__(daemon=True)
        place = urlsplit(url)
        self.contested = contested
        self.acts: list[Act] = []
        self.failed: BaseException | None = None
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def run(self) -> None:
        try:
            self.act()
        except BaseException as exc:  # raised where the history is wanted
            self.failed = exc
        finally:
            self._connection.close()

    def act(self) -> None:
        raise NotImplementedError

    def post(self, path: str, body: bytes, kind: Callable[[dict[str, Any]], Kind]) -> Kind:
        called = time.monotonic()
        self._connection.request("POST", path, body, self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        returned = time.monotonic()
        assert answer.status < 300, told
        found = kind(json.loads(told))
        self.acts.append(Act(consent=self.contested.consent, kind=found, called=called, returned=returned))
        return found


class _Asker(_Client):
    """Asks for access again and again, until the stop has been acknowledged a while."""

    def __init__(self, url: str, contested: Contested, token: str, *, before: int) -> None:
        super().__init__(url, contested, token)
        self.warm = threading.Event()
        self.stopped = threading.Event()
        self._before = before
        self._body = json.dumps(contested.question).encode()

    def act(self) -> None:
        left = AFTER
        while left > 0:
            left -= self.stopped.is_set()
            self.post("/access/v1/evaluation", self._body, _seen)
            if len(self.acts) >= self._before:
                self.warm.set()


class _Stopper(_Client):
    """Stops the consent, as soon as those who ask about it are at it."""

    def __init__(self, url: str, contested: Contested, asking: Sequence[_Asker]) -> None:
        super().__init__(url, contested, contested.token)
        self._asking = asking

    def act(self) -> None:
        try:
            for one in self._asking:
                assert one.warm.wait(60)
            self.post(self.contested.path, json.dumps(self.contested.body).encode(), lambda _: Kind.REVOKE)
        finally:
            for one in self._asking:
                one.stopped.set()


def _seen(answer: dict[str, Any]) -> Kind:
    return Kind.PERMITTED if answer["decision"] else Kind.REFUSED
