"""Every endpoint of a gateway, typed. Nothing that it answers is believed here: see patient and provider."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from ledger.client import wire
from ledger.client.access import AccessCalls
from ledger.client.hooks import HookCalls
from ledger.client.http import TIMEOUT, Answer, Http
from ledger.client.machines import MachineCalls
from ledger.client.session import SignedIn
from ledger.crypto.identity import Account
from ledger.errors import GatewayUnreachable, InvalidInput, NotFound, StopKept
from ledger.ids import Cid, ConsentId, Did, EmergencyId, RequestId

if TYPE_CHECKING:
    import httpx2

MOST_PAGES = 1000
ONCE = {"/v1/requests", "/v1/requests/renewals"}
"""Paths whose POST takes an Idempotency-Key."""

T = TypeVar("T")
P = TypeVar("P", bound="Paged")


class Paged(Protocol):
    """An answer that says where its list goes on; nothing on the last page."""

    @property
    def next(self) -> str:
        """The cursor of the next page."""
        ...


def system_clock() -> datetime:
    """The machine's time, aware, UTC."""
    return datetime.now(UTC)


class GatewayClient(AccessCalls, HookCalls, MachineCalls):
    """One gateway, called by one account (or by nobody, for what is public).

    Every method raises GatewayUnreachable when nobody answers as a gateway would, and otherwise the error
    that the gateway raised. Methods that need a session sign in by themselves, once.
    """

    def __init__(
        self,
        base_url: str,
        *,
        chain_id: int,
        account: Account | None = None,
        transport: "httpx2.BaseTransport | None" = None,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        """Nothing is sent yet; InvalidInput unless `base_url` is an https origin, or http on loopback."""
        self._http = Http(base_url, transport=transport, timeout=timeout)
        self._session = SignedIn(self._http, account=account, chain_id=chain_id, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port that this client calls: what signed requests name."""
        return self._http.origin

    def close(self) -> None:
        """Close the connections; the session is left to expire."""
        self._http.close()

    # For anyone.

    def info(self) -> wire.GatewayInfo:
        """Which chain, contracts and log the gateway says it serves."""
        return self._public("GET", "/v1/gateway", wire.GatewayInfo)

    def healthy(self) -> bool:
        """Whether it answers at all."""
        return self._http.call("GET", "/healthz").status == 200

    def ready(self) -> dict[str, Any]:
        """What ``/readyz`` says, as it is."""
        return self._public("GET", "/readyz", dict[str, Any])

    def participants(self) -> list[wire.Participant]:
        """All participants."""
        pages = self._pages(self._http.call, "/v1/participants", wire.Participants)
        return [one for page in pages for one in page.participants]

    def participant(self, did: Did) -> wire.Participant:
        """One participant, or NotFound."""
        return self._public("GET", f"/v1/participants/{did}", wire.Participant)

    def bring_profile(self, profile: bytes) -> None:
        """Bring a profile that the directory vouches for."""
        self._http.call("POST", "/v1/participants", body={"profile": profile.decode()})

    def block(self, cid: Cid) -> bytes:
        """The ciphertext under a CID, not hashed yet; NotFound if the gateway does not have it."""
        return self._http.call("GET", f"/v1/blocks/{cid}").body

    def has_block(self, cid: Cid) -> bool:
        """Whether the gateway says that it has this block, undamaged."""
        try:
            self._http.call("HEAD", f"/v1/blocks/{cid}")
        except (NotFound, InvalidInput):  # the latter for a damaged one: no answer to HEAD has a code
            return False
        return True

    def checkpoint(self) -> str:
        """The newest checkpoint, a signed note."""
        return self._http.call("GET", "/v1/log/checkpoint").body.decode("utf-8", errors="replace")

    def leaves(self, start: int, end: int) -> list[str]:
        """Leaf hashes from `start` up to (not including) `end`; at most 4096."""
        params = {"start": start, "end": end}
        return self._decoded(self._http.call("GET", "/v1/log/leaves", params=params), wire.Leaves).leaves

    def inclusion(self, index: int, size: int) -> list[str]:
        """The inclusion proof of an entry in the tree of `size`."""
        params = {"index": index, "size": size}
        return self._decoded(
            self._http.call("GET", "/v1/log/proofs/inclusion", params=params), wire.Proof
        ).proof

    def consistency(self, old: int, new: int) -> list[str]:
        """The proof that the tree of size `new` continues the one of size `old`."""
        params = {"old": old, "new": new}
        return self._decoded(
            self._http.call("GET", "/v1/log/proofs/consistency", params=params), wire.Proof
        ).proof

    # For patients.

    def enrol(self, erasure: str, signature: str, possession: str, inbox: dict[str, Any]) -> wire.Enrolled:
        """Enrol the signed-in account as a patient; again is success."""
        body = {"erasure": erasure, "signature": signature, "possession": possession, "inbox": inbox}
        return self._signed("PUT", "/v1/patient", wire.Enrolled, body)

    def patient(self) -> wire.Enrolled:
        """The signed-in patient, or NotFound."""
        return self._signed("GET", "/v1/patient", wire.Enrolled)

    def erasure(self) -> wire.ErasureProspect:
        """What an erasure of the signed-in patient would destroy."""
        return self._signed("GET", "/v1/patient/erasure", wire.ErasureProspect)

    def erase(self, erasure: str, size: int, signature: str) -> wire.Erased:
        """Erase the signed-in patient; sent again, what became of it."""
        body = {"erasure": erasure, "size": size, "signature": signature}
        return self._signed("POST", "/v1/patient/erasure", wire.Erased, body)

    def succeed(self, body: dict[str, Any]) -> wire.Departed:
        """Go on for another account, which is given up; sent again, the same answer."""
        return self._signed("POST", "/v1/patient/succession", wire.Departed, body)

    def leave(self, body: dict[str, Any]) -> wire.Departed:
        """Leave for another gateway; sent again, the same answer."""
        return self._signed("POST", "/v1/patient/departure", wire.Departed, body)

    def compartments(self) -> list[wire.Compartment]:
        """The patient's deposited compartment keys."""
        return self._signed("GET", "/v1/compartments", wire.Compartments).compartments

    def deposit(
        self, compartment: str, record_class: str, labels: list[str], keys: list[dict[str, Any]]
    ) -> None:
        """Deposit signed public keys of a compartment."""
        body = {"class": record_class, "labels": labels, "keys": keys}
        self._session.call("PUT", f"/v1/compartments/{compartment}", body=body)

    def put_block(self, cid: Cid, data: bytes) -> None:
        """Store ciphertext at the gateway."""
        self._session.call("PUT", f"/v1/blocks/{cid}", body=data)

    def take_back_block(self, cid: Cid) -> None:
        """Let go of a block that this account brought and did not publish; NotFound for any other."""
        self._session.call("DELETE", f"/v1/blocks/{cid}")

    def publish(self, batch: list[dict[str, Any]]) -> list[wire.Published]:
        """Publish records, all or none, by header, capsule and publication; the same again is success."""
        return self._signed("POST", "/v1/records", wire.Publications, {"records": batch}).records

    def refile(self, batch: list[dict[str, Any]]) -> list[wire.Published]:
        """Move records from the inbox to their compartments, all or none; the same again is success."""
        return self._signed("POST", "/v1/records/refilings", wire.Publications, {"records": batch}).records

    def records(self) -> list[wire.Record]:
        """The patient's own records."""
        pages = self._pages(self._session.call, "/v1/records", wire.Records)
        return [one for page in pages for one in page.records]

    def decline(self, request: RequestId) -> wire.Moved:
        """Say no to a provider's request."""
        return self._signed("POST", f"/v1/requests/{request}/decline", wire.Moved, {})

    def file(
        self, filing: dict[str, Any], capsules: dict[str, Any], request: RequestId | None = None
    ) -> wire.Filed:
        """File a consent with its grant capsules; the same again gives the same answer."""
        answered = {} if request is None else {"request": request}
        return self._signed(
            "POST", "/v1/consents", wire.Filed, {"filing": filing, "capsules": capsules, **answered}
        )

    def replace_capsules(self, consent: ConsentId, capsules: dict[str, Any]) -> None:
        """Deposit newly sealed grant capsules for a running consent."""
        self._session.call("PUT", f"/v1/consents/{consent}/capsules", body=capsules)

    def revoke(self, consent: ConsentId, signature: str, *, spread: bool = False) -> wire.Filed:
        """Stop a consent; with `spread` the chain hears of it after a random time. StopKept as it says."""
        body = {"signature": signature, "spread": spread}
        answer = self._session.call("POST", f"/v1/consents/{consent}/revocation", body=body)
        _require_logged(answer)
        return self._decoded(answer, wire.Filed)

    def bring_stop(self, stop: dict[str, Any]) -> None:
        """Stop a consent by what anybody could bring on chain, without a sign-in. StopKept as it says."""
        _require_logged(self._http.call("POST", "/v1/stops", body=stop))

    def preview(self, document: str) -> list[wire.Preview]:
        """The gateway's own idea of what a document would change."""
        body = {"document": document}
        return self._signed("POST", "/v1/consents/preview", wire.Previews, body).participants

    def history(self) -> list[wire.Disclosure]:
        """Who asked for what, and what they were given."""
        pages = self._pages(self._session.call, "/v1/history", wire.History)
        return [one for page in pages for one in page.disclosures]

    # For patients and providers: what is theirs.

    def requests(self) -> list[wire.Request]:
        """The patient's inbox or the provider's outbox."""
        pages = self._pages(self._session.call, "/v1/requests", wire.Requests)
        return [one for page in pages for one in page.requests]

    def inbox(self, since: int | None = None) -> tuple[dict[str, int], list[wire.InboxItem]]:
        """What waits for the signed-in account, its news since a moment or of 30 days; how many of each."""
        query = "" if since is None else f"?since={since}"
        pages = list(self._pages(self._session.call, f"/v1/inbox{query}", wire.Inbox))
        return pages[0].counts, [one for page in pages for one in page.items]

    def request_for(self, request: RequestId) -> wire.Request:
        """One request, or NotFound."""
        return self._signed("GET", f"/v1/requests/{request}", wire.Request)

    def consents(self) -> list[wire.Consent]:
        """The patient's consents, or those that name the provider."""
        pages = self._pages(self._session.call, "/v1/consents", wire.Consents)
        return [one for page in pages for one in page.consents]

    def consent(self, consent: ConsentId) -> wire.Consent:
        """One of them, or NotFound."""
        return self._signed("GET", f"/v1/consents/{consent}", wire.Consent)

    def emergencies(self) -> list[wire.Emergency]:
        """Emergencies of the patient, or that the provider declared; for an auditor an outline of all."""
        return self._signed("GET", "/v1/emergencies", wire.Emergencies).emergencies

    def emergency(self, emergency: EmergencyId) -> wire.Emergency:
        """One of them in full, or NotFound; an auditor's reading is logged."""
        return self._signed("GET", f"/v1/emergencies/{emergency}", wire.Emergency)

    def review_emergency(
        self, emergency: EmergencyId, finding: str, note: str, signature: str
    ) -> wire.ReviewedEmergency:
        """Say what the patient or an auditor finds of an emergency."""
        body = {"finding": finding, "note": note, "signature": signature}
        path = f"/v1/emergencies/{emergency}/review"
        return self._signed("POST", path, wire.ReviewedEmergency, body)

    def receipt(self, index: int) -> dict[str, Any]:
        """The receipt of an entry, for those whom it concerns."""
        return self._signed("GET", f"/v1/log/receipts/{index}", dict[str, Any])

    def entries(self, start: int, end: int) -> list[wire.Entry]:
        """Log entries: all for an auditor (reading is logged), their own for a patient; at most 512."""
        params = {"start": start, "end": end}
        return self._decoded(
            self._session.call("GET", "/v1/log/entries", params=params), wire.Entries
        ).entries

    # For providers.

    def place(self, patient: Did, header: str, purposes: Sequence[str]) -> wire.SealingPlace:
        """To which key a patient's record with this header is to be sealed; AccessDenied if none could be."""
        body = {"patient": patient, "header": header, "purpose": list(purposes)}
        return self._signed("POST", "/v1/publications/place", wire.SealingPlace, body)

    def write(
        self, patient: Did, batch: list[dict[str, Any]], purposes: Sequence[str]
    ) -> wire.WrittenRecords:
        """Add records to a patient, all or none; the same again is success."""
        body = {"patient": patient, "records": batch, "purpose": list(purposes)}
        return self._signed("POST", "/v1/publications", wire.WrittenRecords, body)

    def request(self, body: dict[str, Any]) -> wire.Requested:
        """Ask a patient for a consent."""
        return self._signed("POST", "/v1/requests", wire.Requested, body)

    def renew(self, body: dict[str, Any]) -> wire.Requested:
        """Ask a patient to prolong a consent."""
        return self._signed("POST", "/v1/requests/renewals", wire.Requested, body)

    def withdraw(self, request: RequestId) -> wire.Moved:
        """Take back a request."""
        return self._signed("POST", f"/v1/requests/{request}/withdraw", wire.Moved, {})

    def evaluate(self, body: dict[str, Any]) -> wire.Evaluation:
        """One AuthZEN evaluation; a refusal is an answer, not an error."""
        return self._signed("POST", "/access/v1/evaluation", wire.Evaluation, body)

    def release(
        self, request: dict[str, Any], signature: str, emergency: EmergencyId | None = None
    ) -> wire.Release:
        """Ask for records with a signed access request; a refusal is an answer, not an error."""
        body: dict[str, Any] = {"request": request, "signature": signature}
        if emergency is not None:
            body["emergency"] = emergency
        return self._signed("POST", "/v1/releases", wire.Release, body)

    def declare_emergency(self, declaration: dict[str, Any], signature: str) -> wire.DeclaredEmergency:
        """Declare an emergency of a patient."""
        body = {"declaration": declaration, "signature": signature}
        return self._signed("POST", "/v1/emergencies", wire.DeclaredEmergency, body)

    def sign_out(self) -> None:
        """End the session, if there is one."""
        self._session.sign_out()

    def sign_out_everywhere(self) -> None:
        """End every session of the account, also those of its machines."""
        self._session.sign_out_everywhere()

    def _pages(self, call: Callable[..., Answer], path: str, kind: type[P]) -> Iterator[P]:
        """Every page of a list, up to a bound that no honest gateway reaches."""
        cursor = ""
        for _ in range(MOST_PAGES):
            page = self._http.decode(call("GET", path, params={"cursor": cursor} if cursor else None), kind)
            yield page
            cursor = page.next
            if not cursor:
                return
        raise GatewayUnreachable("the gateway's list does not end", reason="bad_answer")

    def _public(self, method: str, path: str, kind: type[T]) -> T:
        return self._http.decode(self._http.call(method, path), kind)

    def _signed(self, method: str, path: str, kind: type[T], body: dict[str, Any] | None = None) -> T:
        call = self._session.call_once if method == "POST" and path in ONCE else self._session.call
        return self._http.decode(call(method, path, body=body), kind)

    def _decoded(self, answer: Answer, kind: type[T]) -> T:
        return self._http.decode(answer, kind)


def _require_logged(answer: Answer) -> None:
    if answer.status == 202:
        raise StopKept(
            "the gateway cannot reach its database; it keeps your stop, and hands out nothing until then",
            fix="Nothing is lost. The same command again, later, gets the receipt.",
        )
