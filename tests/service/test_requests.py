"""What becomes of requests: one end each, whoever comes first; and what the inboxes say of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from ledger.client.drafting import Wish as ClientWish
from ledger.consent.document import parse_document
from ledger.consent.renewing import end_of, renewed
from ledger.consent.selection import Selection
from ledger.errors import CommitmentMismatch, Conflict, InvalidInput, LedgerError, NotFound
from ledger.ids import ConsentId, Did, RequestId
from ledger.log.entry import decode
from ledger.service import erasure, expiries, inboxes, renewals, requests, views
from ledger.service.gateway import Gateway
from ledger.service.requests import DAY_MS, Wish
from tests.network import Network, Person


@pytest.fixture(scope="module")
def gateway(network: Network) -> Gateway:
    return network.stack.server.gateway


@pytest.fixture(scope="module")
def clinic(network: Network) -> Person:
    return network.admitted("Request Clinic")


@pytest.fixture(scope="module")
def other(network: Network) -> Person:
    return network.admitted("Other Request Clinic")


@pytest.fixture
def alice(network: Network) -> Person:
    return network.enrolled()


def at(gateway: Gateway, **later: float) -> Gateway:
    """The gateway at a later time."""
    return replace(gateway, clock=lambda: datetime.now(UTC) + timedelta(**later))


def send(gateway: Gateway, clinic: Person, alice: Person, **change: Any) -> RequestId:  # noqa: ANN401
    wish = Wish(
        subject=clinic.did,
        purpose=("TREAT",),
        action="access",
        classes=(),
        expires=gateway.now_ms() + DAY_MS,
    )
    return requests.send(gateway, alice.identity.account.address, replace(wish, **change))[0]


def share(network: Network, alice: Person, clinic: Person, **wish: Any) -> ConsentId:  # noqa: ANN401
    patient = network.patient(alice)
    until = datetime.now(UTC) + timedelta(days=7)
    wanted = {"grantees": [clinic.did], "purposes": ["TREAT"], "until": until, **wish}
    return patient.file(patient.draft(ClientWish(**wanted))).consent


def account(person: Person) -> Any:  # noqa: ANN401
    return person.identity.account.address


def state(gateway: Gateway, person: Person, request: RequestId) -> str:
    return str(views.request_for(gateway, account(person), request)["state"])


def inbox(gateway: Gateway, person: Person) -> list[tuple[str, str, str]]:
    return [(one.kind, one.does, one.about) for one in inboxes.of(gateway, account(person)).items]


def entries(gateway: Gateway, request: RequestId) -> list[str]:
    """The states of a request in the log, in order."""
    found = [decode(one.entry) for one in gateway.journal.entries() if one.entry is not None]
    return [str(entry["state"]) for entry in found if entry.get("request") == request and "state" in entry]


class TestEnds:
    def test_what_is_over_can_be_ended_by_nobody(
        self, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        request = send(gateway, clinic, alice)
        later = at(gateway, days=1, seconds=1)
        mine = gateway.states.need(account(alice))
        for act in (
            partial(requests.decline, later, mine, request),
            partial(requests.withdraw, later, account(clinic), request),
            partial(approve, later, mine.tag, request),
        ):
            with pytest.raises(Conflict) as caught:
                act()
            assert caught.value.reason == "request_expired"
        assert state(later, alice, request) == state(later, clinic, request) == "expired"
        assert state(gateway, alice, request) == "proposed"

    def test_an_end_is_noted_once_and_both_sides_are_told(
        self, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        request = send(gateway, clinic, alice)
        assert ("request.open", "answer", request) in inbox(gateway, alice)
        later = at(gateway, days=1, seconds=1)
        for _ in range(2):
            expiries.lapse_requests(later)
        for person in (clinic, alice):
            assert [one for one in inbox(later, person) if one[2] == request] == [
                ("request.expired", "news", request)
            ]
        assert state(gateway, alice, request) == "expired"
        with pytest.raises(Conflict) as caught:  # also by a gateway whose clock is behind
            requests.withdraw(gateway, account(clinic), request)
        assert caught.value.reason == "request_expired"

    def test_of_all_who_end_it_at_once_one_does(
        self, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        for _ in range(3):
            request = send(gateway, clinic, alice)
            mine = gateway.states.need(account(alice))
            done = at_once(
                partial(requests.decline, gateway, mine, request),
                partial(requests.withdraw, gateway, account(clinic), request),
                partial(approve, gateway, mine.tag, request),
            )
            assert sorted(done) == ["answered", "answered", "done"]
            told = [one for one in inbox(gateway, clinic) if one[2] == request]
            assert len(told) == 1

    def test_withdrawing_is_in_the_log_once_and_of_ones_own_only(
        self, gateway: Gateway, clinic: Person, other: Person, alice: Person
    ) -> None:
        request = send(gateway, clinic, alice)
        for person in (other, alice):
            with pytest.raises(NotFound):
                requests.withdraw(gateway, account(person), request)
        for _ in range(2):
            requests.withdraw(gateway, account(clinic), request)
        assert entries(gateway, request) == ["proposed", "withdrawn"]
        assert ("request.withdrawn", "news", request) in inbox(gateway, alice)

    def test_one_to_nobody_goes_the_same_way(
        self, network: Network, gateway: Gateway, clinic: Person
    ) -> None:
        nobody = network.person()
        request = send(gateway, clinic, nobody)
        requests.withdraw(gateway, account(clinic), request)
        assert state(gateway, clinic, request) == "withdrawn"
        lapsing = send(gateway, clinic, nobody)
        expiries.lapse_requests(at(gateway, days=2))
        assert ("request.expired", "news", lapsing) in inbox(gateway, clinic)
        assert inbox(gateway, nobody) == []

    def test_a_request_that_names_no_end_has_one(self, gateway: Gateway) -> None:
        assert requests.default_end(gateway) - gateway.now_ms() == pytest.approx(30 * DAY_MS, abs=60_000)

    def test_none_is_open_for_longer_than_allowed(
        self, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        for expires in (gateway.now_ms(), gateway.now_ms() + (requests.MAX_DAYS + 1) * DAY_MS):
            with pytest.raises(InvalidInput) as caught:
                send(gateway, clinic, alice, expires=expires)
            assert caught.value.reason == "bad_expiry"


def at_once(*acts: Callable[[], object]) -> list[str]:
    """How each of some acts ends that begin together."""
    begin = threading.Barrier(len(acts))

    def attempt(act: Callable[[], object]) -> str:
        begin.wait()
        try:
            act()
        except Conflict as exc:
            return exc.reason
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(attempt, acts))


def approve(gateway: Gateway, tag: bytes, request: RequestId) -> None:
    with gateway.db.write() as connection:
        requests.answered_by(gateway, connection, tag, request)


class TestConsents:
    def test_an_end_that_comes_is_told_once_and_not_of_what_was_stopped(
        self, network: Network, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        ended, stopped = share(network, alice, clinic), share(network, alice, clinic)
        network.patient(alice).revoke(stopped)
        for person in (alice, clinic):
            assert ("consent.ending", "open", ended) in inbox(gateway, person)
            assert ("consent.ending", "open", stopped) not in inbox(gateway, person)
        later = at(gateway, days=7, seconds=2)
        for _ in range(2):
            expiries.end_consents(later)
        for person in (alice, clinic):
            told = sorted(one for one in inbox(later, person) if one[2] in (ended, stopped))
            assert [kind for kind, _, about in told if about == ended] == [
                "consent.expired",
                "consent.granted",
            ]
            assert [kind for kind, _, about in told if about == stopped] == [
                "consent.granted",
                "consent.revoked",
            ]

    def test_ends_of_consents_from_before_are_noted_too(
        self, network: Network, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        from sqlalchemy import delete

        from ledger.store.tables import consent_ends

        consent, endless = share(network, alice, clinic), share(network, alice, clinic, until=None)
        with gateway.db.write() as connection:
            connection.execute(delete(consent_ends).where(consent_ends.c.consent.in_([consent, endless])))
        assert ("consent.ending", "open", consent) not in inbox(gateway, alice)
        while expiries.note_ends(gateway):
            pass
        assert ("consent.ending", "open", consent) in inbox(gateway, alice)

    def test_an_erasure_takes_all_of_it_along(
        self, network: Network, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        consent, request = share(network, alice, clinic), send(gateway, clinic, alice)
        network.patient(alice).revoke(consent)
        network.patient(alice).erase(lambda _: None)
        assert not {one for one in inbox(gateway, clinic) if one[2] in (consent, request)}
        assert erasure.unfinished(gateway) == 0

    def test_news_are_kept_for_a_while(
        self, network: Network, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        consent = share(network, alice, clinic)
        expiries.sweep(at(gateway, days=expiries.KEPT_DAYS - 1))
        assert ("consent.granted", "news", consent) in inbox(gateway, alice)
        expiries.sweep(at(gateway, days=expiries.KEPT_DAYS + 1))
        assert ("consent.granted", "news", consent) not in inbox(gateway, alice)


class TestRenewals:
    def ask(self, network: Network, clinic: Person, consent: ConsentId, days: float = 30) -> RequestId:
        now = datetime.now(UTC)
        asked = network.provider(clinic).renew(
            consent, until=now + timedelta(days=days), expires=now + timedelta(days=1)
        )
        return asked.request

    def test_what_is_signed_is_what_was_signed_but_for_its_period(
        self, network: Network, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        which = Selection(classes=("30954-2",))
        consent = share(
            network, alice, clinic, which=which, exceptions=[Selection(labels=("PSY",))], actions=["access"]
        )
        request = self.ask(network, clinic, consent)
        patient = network.patient(alice)
        draft = patient.renewal(patient.request(request))
        (old,) = [one.document for one in patient.consents() if one.id == consent]
        new, before = draft.document.json, old.json
        assert parse_document(draft.document.canonical).root.period is not None
        for document in (new, before):
            del document["dateTime"], document["provision"]["period"]
        assert new == before
        period, earlier = draft.document.root.period, old.root.period
        assert period is not None
        assert earlier is not None
        assert earlier.span.end <= period.span.start
        done = patient.file(draft)
        assert state(gateway, clinic, request) == "approved"
        assert done.consent in [one.id for one in network.provider(clinic).consents()]

    def test_a_gateway_that_lies_about_the_request_widens_nothing(
        self, network: Network, clinic: Person, alice: Person
    ) -> None:
        consent = share(network, alice, clinic, which=Selection(classes=("30954-2",)))
        request = self.ask(network, clinic, consent)

        def lie(asked: str, answer: Any) -> Any:  # noqa: ANN401
            if asked == "GET /v1/requests":
                for one in answer["requests"]:
                    one |= {"classes": [], "purpose": ["HRESCH"], "action": "disclose"}
            return answer

        patient = network.patient(alice, lie)
        root = patient.renewal(patient.request(request)).document.root
        assert (root.classes, root.purposes, root.actions) == (("30954-2",), ("TREAT",), ("access",))

    def test_a_request_about_anothers_consent_is_not_drafted(
        self, network: Network, clinic: Person, other: Person, alice: Person
    ) -> None:
        mine, theirs = share(network, alice, clinic), share(network, alice, other)
        request = self.ask(network, clinic, mine)
        for wrong in (theirs, "0x" + "7" * 64):

            def lie(asked: str, answer: Any, wrong: str = wrong) -> Any:  # noqa: ANN401
                if asked == "GET /v1/requests":
                    for one in answer["requests"]:
                        one["renews"] = wrong
                return answer

            patient = network.patient(alice, lie)
            with pytest.raises(CommitmentMismatch) as caught:
                patient.renewal(patient.request(request))
            assert caught.value.reason == "other_consent"

    def test_only_whom_it_names_may_ask(
        self, network: Network, gateway: Gateway, clinic: Person, other: Person, alice: Person
    ) -> None:
        consent = share(network, alice, clinic)
        for person in (other, alice):
            with pytest.raises(NotFound):
                renewals.ask(
                    gateway, account(person), consent, until=2**43, expires=gateway.now_ms() + 1000, note=""
                )

    def test_what_has_ended_can_be_prolonged_from_now_on(
        self, network: Network, gateway: Gateway, clinic: Person, alice: Person
    ) -> None:
        consent = share(network, alice, clinic)
        later = at(gateway, days=8)
        until, expires = later.now_ms() + 30 * DAY_MS, later.now_ms() + DAY_MS
        request, _ = renewals.ask(later, account(clinic), consent, until=until, expires=expires, note="")
        shown = views.request_for(later, account(alice), request)
        assert (shown["renews"], shown["until"], shown["state"]) == (consent, until, "proposed")
        (old,) = [one.document for one in network.patient(alice).consents() if one.id == consent]
        now = later.clock()
        ends = end_of(old)
        assert ends is not None
        assert ends < now
        fresh = parse_document(renewed(old, until=now + timedelta(days=30), at=now))
        assert fresh.root.period is not None
        assert fresh.root.period.start == now.isoformat(timespec="seconds")

    @pytest.mark.parametrize(
        ("wish", "reason"),
        [
            ({"until": None}, "endless"),
            ({"deny": True, "purposes": []}, "renews_refusal"),
        ],
    )
    def test_what_has_no_end_or_says_no_is_not_prolonged(
        self,
        network: Network,
        gateway: Gateway,
        clinic: Person,
        alice: Person,
        wish: dict[str, Any],
        reason: str,
    ) -> None:
        consent = share(network, alice, clinic, **wish)
        with pytest.raises(InvalidInput) as caught:
            self.ask(network, clinic, consent)
        assert caught.value.reason == reason

    def test_an_earlier_end_is_no_renewal(self, network: Network, clinic: Person, alice: Person) -> None:
        consent = share(network, alice, clinic)
        with pytest.raises(LedgerError) as caught:
            self.ask(network, clinic, consent, days=6)
        assert caught.value.reason == "no_longer"

    def test_an_exception_with_dates_of_its_own_would_not_cover_what_is_added(
        self, network: Network, clinic: Person, alice: Person
    ) -> None:
        consent = share(network, alice, clinic, exceptions=[Selection(labels=("PSY",))])
        (old,) = [one.document for one in network.patient(alice).consents() if one.id == consent]
        dated = old.json
        dated["provision"]["provision"][0]["period"] = dated["provision"]["period"]
        with pytest.raises(InvalidInput) as caught:
            renewed(
                parse_document(dated),
                until=datetime.now(UTC) + timedelta(days=30),
                at=datetime.now(UTC),
            )
        assert caught.value.reason == "dated_exception"
        assert Did(clinic.did) in old.actors
