"""Events to webhooks: signed, sent until they are taken, and nobody slow or hostile holds up others."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from http_message_signatures import HTTPMessageSignaturesException, InvalidSignature
from sqlalchemy import delete

from api.delivering import Deliverer
from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import WebhookKey, gateway_domain
from ledger.errors import Conflict, InvalidInput, NotFound, TooLarge
from ledger.ids import Address, HookId, consent_id, event_id, hook_id
from ledger.service import hooksigning, webhooks
from ledger.service.deliveries import Pace
from ledger.service.gateway import Gateway
from ledger.service.news import Event, enqueue, tell
from ledger.store.news import NewsRow
from ledger.store.tables import webhook_events
from ledger.store.tables import webhooks as webhook_rows
from tests.databases import Databases
from tests.network import eventually
from tests.receivers import Receiver, certificate, verified
from tests.service.quiet import ORIGIN, Directory, provider, quiet_gateway

QUICK = Pace(first=1, longest=20)
ROOT = Path(__file__).parents[2]


class Ward:
    """A provider with a receiver, at a gateway that sends as long as a test lets it."""

    def __init__(self, gateway: Gateway, account: Address, hook: HookId) -> None:
        self.gateway = gateway
        self.account = account
        self.hook = hook

    def tell(self, kind: Event = Event.CONSENT_GRANTED) -> str:
        """Something happens about a consent; its id."""
        about = consent_id(os.urandom(32))
        with self.gateway.db.write() as connection:
            lookup = self.gateway.look_up(self.account)
            tell(self.gateway, connection, kind, about, tag=os.urandom(20), providers=[lookup])
        return about

    @property
    def shown(self) -> dict[str, Any]:
        return webhooks.shown_in_full(self.gateway, self.account, self.hook)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as found:
        yield found


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where the gateways of these tests keep their keys, and their database."""
    return tmp_path_factory.mktemp("quiet"), databases.made()


@pytest.fixture
def gateway_to(place: tuple[Path, str]) -> Iterator[Callable[..., Gateway]]:
    """A gateway whose operator allows some receivers; what it had to tell goes with the test."""
    with ExitStack() as closing:

        def make(*receivers: Receiver) -> Gateway:
            gateway = quiet_gateway(*place, frozenset(one.authority for one in receivers))
            closing.callback(gateway.db.close)
            return gateway

        yield make
        with make().db.write() as connection:
            for table in (webhook_events, webhook_rows):
                connection.execute(delete(table))


@pytest.fixture
def ward(gateway_to: Callable[..., Gateway], receiver: Receiver) -> Ward:
    return registered(gateway_to(receiver), receiver)


def registered(gateway: Gateway, receiver: Receiver) -> Ward:
    account = provider()
    hook = webhooks.register(gateway, account, receiver.url, look_up=here)
    return Ward(gateway, account, hook)


def here(_host: str, _port: int) -> list[str]:
    """A resolver that finds everything on loopback."""
    return ["127.0.0.1"]


@contextmanager
def delivering(gateway: Gateway, pace: Pace = QUICK, **more: Any) -> Iterator[None]:  # noqa: ANN401
    with Deliverer(gateway, pace=pace, **more):
        yield


def directory(gateway: Gateway) -> Directory:
    return cast(Directory, gateway.follower.index)


class TestSigning:
    def test_a_stranger_verifies_what_arrives_by_the_published_key(
        self, ward: Ward, receiver: Receiver
    ) -> None:
        ward.tell()
        with delivering(ward.gateway):
            eventually(lambda: receiver.received)
        (got,) = receiver.received
        result = verified(got, hooksigning.published(ward.gateway))
        covered = {name.strip('"').split('"')[0] for name in result.covered_components}
        assert covered >= {"@method", "@target-uri", "content-type", "content-digest"}
        said = result.parameters
        assert (said["tag"], said["alg"]) == ("consent-ledger-webhook", "ed25519")
        assert 0 < int(said["expires"]) - int(said["created"]) <= 300
        assert len(str(said["nonce"])) >= 20

    def test_nothing_that_was_changed_on_the_way_verifies(self, ward: Ward, receiver: Receiver) -> None:
        ward.tell()
        with delivering(ward.gateway):
            eventually(lambda: receiver.received)
        (got,) = receiver.received
        jwks = hooksigning.published(ward.gateway)
        for changed in (
            replace(got, body=got.body.replace(b"granted", b"revoked")),
            replace(got, url=got.url.replace("clinic", "other")),
            replace(got, method="PUT"),
            replace(got, headers={**got.headers, "Content-Type": "text/plain"}),
            replace(got, headers={**got.headers, "Signature-Input": got.headers["Signature-Input"] + "0"}),
        ):
            with pytest.raises((InvalidSignature, HTTPMessageSignaturesException, ValueError)):
                verified(changed, jwks)

    def test_the_gateways_account_signs_for_the_key(self, gateway_to: Callable[..., Gateway]) -> None:
        gateway = gateway_to()
        said = hooksigning.published(gateway)
        (key,) = said["keys"]
        assert (key["kty"], key["crv"], said["origin"]) == ("OKP", "Ed25519", ORIGIN)
        thumbprint = hooksigning.HookKey.of(gateway.keys.webhook_seed).thumbprint
        claim = WebhookKey(origin=ORIGIN, gateway=gateway.account, key=thumbprint)
        verify(claim.digest(gateway_domain(31337)), unhex(said["signature"]), gateway.account)

    def test_the_key_is_not_the_logs(self, gateway_to: Callable[..., Gateway]) -> None:
        keys = gateway_to().keys
        assert keys.webhook_seed != keys.log_seed

    def test_ids_are_all_that_is_told(self, ward: Ward, receiver: Receiver) -> None:
        about = ward.tell()
        with delivering(ward.gateway):
            eventually(lambda: receiver.received)
        (told,) = receiver.events
        assert told.keys() == {"event", "type", "time", "origin", "consent"}
        assert (told["consent"], told["type"], told["origin"]) == (about, "consent.granted", ORIGIN)
        assert ward.account.lower() not in json.dumps(receiver.received[0].headers).lower()


class TestFailing:
    @pytest.mark.parametrize("status", [500, 302, 404, 429])
    def test_what_is_not_taken_is_sent_again_under_the_same_id(
        self, ward: Ward, receiver: Receiver, status: int
    ) -> None:
        receiver.answer = lambda _: status if len(receiver.received) < 3 else 200
        ward.tell()
        with delivering(ward.gateway):
            eventually(lambda: ward.shown["state"] == "healthy")
        assert len(receiver.received) == 3
        assert len({event["event"] for event in receiver.events}) == 1
        nonces = {one.headers["Signature-Input"] for one in receiver.received}
        assert len(nonces) == 3
        assert ward.shown["waiting"] == ward.shown["failures"] == 0

    def test_the_provider_sees_why_and_when_next(self, ward: Ward, receiver: Receiver) -> None:
        receiver.answer = lambda _: 503
        ward.tell()
        with delivering(ward.gateway, Pace(first=3_600_000)):
            eventually(lambda: ward.shown["failures"])
        shown = ward.shown
        assert (shown["state"], shown["reason"], shown["waiting"]) == ("failing", "status_503", 1)
        assert 1_800_000 <= shown["next"] - shown["failed"] < 5_400_000
        assert len(receiver.received) == 1

    def test_one_that_is_gone_hears_nothing_more(self, ward: Ward, receiver: Receiver) -> None:
        receiver.answer = lambda _: 410
        ward.tell()
        lost = ward.tell()
        with delivering(ward.gateway):
            eventually(lambda: ward.shown["state"] == "gone")
            ward.tell()
        assert len(receiver.received) == 1
        assert (ward.shown["waiting"], ward.shown["lost"]) == (0, 2)
        assert lost in {event["about"] for event in ward.shown["lost_events"]}
        with pytest.raises(Conflict):
            webhooks.try_out(ward.gateway, ward.account, ward.hook)

    def test_what_nobody_took_for_too_long_is_given_up_and_shown(
        self, ward: Ward, receiver: Receiver
    ) -> None:
        receiver.answer = lambda _: 500
        about = ward.tell()
        later = replace(ward.gateway, clock=lambda: datetime.now(UTC) + timedelta(days=3, seconds=1))
        with delivering(later):
            eventually(lambda: ward.shown["lost"])
        (lost,) = ward.shown["lost_events"]
        assert (lost["type"], lost["about"]) == ("consent.granted", about)
        assert ward.shown["waiting"] == 0
        much_later = replace(ward.gateway, clock=lambda: datetime.now(UTC) + timedelta(days=34))
        with delivering(much_later):
            eventually(lambda: not ward.shown["lost"])

    def test_an_event_that_one_receiver_never_takes_holds_up_no_other(
        self, ward: Ward, receiver: Receiver
    ) -> None:
        bad = ward.tell()
        receiver.answer = lambda got: 500 if got.event.get("consent") == bad else 200
        with delivering(ward.gateway):
            eventually(lambda: receiver.received)
            good = [ward.tell() for _ in range(3)]
            eventually(lambda: ward.shown["waiting"] == 1)
        assert set(good) <= {event["consent"] for event in receiver.events}

    def test_a_provider_that_is_suspended_hears_nothing(self, ward: Ward, receiver: Receiver) -> None:
        directory(ward.gateway).suspended.add(ward.account)
        ward.tell()
        with delivering(ward.gateway):
            eventually(lambda: ward.shown["lost"])
            directory(ward.gateway).suspended.clear()
            about = ward.tell()
            eventually(lambda: receiver.received)
        assert [event["consent"] for event in receiver.events] == [about]


def raw(answer: bytes, *, drip: threading.Event | None = None) -> tuple[socket.socket, threading.Thread]:
    """A receiver that answers with these bytes, for ever or until told to end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            while not (drip is not None and drip.wait(0.05)):
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return listener, thread


class TestHostileReceivers:
    def test_one_that_never_answers_holds_up_nobody(
        self, gateway_to: Callable[..., Gateway], receiver: Receiver
    ) -> None:
        done = threading.Event()
        with Receiver(answer=lambda _: 200 if done.wait(60) else 0).listening() as slow:
            gateway = gateway_to(receiver, slow)
            sleepers = [registered(gateway, slow) for _ in range(6)]
            quick = registered(gateway, receiver)
            for one in sleepers:
                one.tell()
                one.tell()
            with delivering(gateway, seconds=60):
                eventually(lambda: len(slow.received) == 6)  # every place but those for stops is taken
                stop = quick.tell(Event.CONSENT_REVOKED)
                eventually(lambda: receiver.received)
                assert all(one.shown["state"] == "new" for one in sleepers)
                done.set()
                eventually(lambda: all(one.shown["waiting"] == 0 for one in [*sleepers, quick]))
        assert receiver.events[0]["consent"] == stop

    def test_one_that_never_answers_is_given_up_in_time(self, gateway_to: Callable[..., Gateway]) -> None:
        done = threading.Event()
        with Receiver(answer=lambda _: 200 if done.wait(60) else 0).listening() as slow:
            ward = registered(gateway_to(slow), slow)
            ward.tell()
            with delivering(ward.gateway, Pace(first=60_000), seconds=0.2):
                eventually(lambda: ward.shown["failures"])
            done.set()
        assert ward.shown["reason"] == "timeout"

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 4096 + b"\r\n", "bad_answer"),
            (b"SSH-2.0-server\r\n", "bad_answer"),
            (b"HTTP/1.1 100 Continue\r\n\r\n", "bad_answer"),
        ],
    )
    def test_an_answer_without_end_or_sense_is_cut(
        self, gateway_to: Callable[..., Gateway], answer: bytes, reason: str
    ) -> None:
        listener, thread = raw(answer)
        port = listener.getsockname()[1]
        fake = Receiver(authority=f"127.0.0.1:{port}")
        ward = registered(gateway_to(fake), fake)
        ward.tell()
        with delivering(ward.gateway, Pace(first=60_000)):
            eventually(lambda: ward.shown["failures"])
        listener.close()
        thread.join()
        assert ward.shown["reason"] == reason

    def test_an_answer_that_drips_is_given_up_in_time(self, gateway_to: Callable[..., Gateway]) -> None:
        done = threading.Event()
        listener, thread = raw(b"H", drip=done)
        fake = Receiver(authority=f"127.0.0.1:{listener.getsockname()[1]}")
        ward = registered(gateway_to(fake), fake)
        ward.tell()
        with delivering(ward.gateway, Pace(first=60_000), seconds=0.3):
            eventually(lambda: ward.shown["failures"])
        done.set()
        listener.close()
        thread.join()
        assert ward.shown["reason"] in ("timeout", "bad_answer")


class TestAddresses:
    def test_a_name_that_resolves_otherwise_later_is_not_called(
        self, gateway_to: Callable[..., Gateway], receiver: Receiver
    ) -> None:
        gateway, account, asked = gateway_to(), provider(), []

        def rebound(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"]

        url = "https://hooks.hospital.com/"
        hook = webhooks.register(gateway, account, url, look_up=lambda host, port: ["8.8.8.8"])
        ward = Ward(gateway, account, hook)
        ward.tell()
        with delivering(gateway, Pace(first=60_000), look_up=rebound):
            eventually(lambda: ward.shown["failures"])
        assert ward.shown["reason"] == "no_public_address"
        assert asked == ["hooks.hospital.com"]
        assert not receiver.received

    def test_what_an_operator_no_longer_allows_is_not_called(self, ward: Ward, receiver: Receiver) -> None:
        strict = replace(ward.gateway, settings=replace(ward.gateway.settings, webhook_allow=frozenset()))
        ward.tell()
        with delivering(strict, Pace(first=60_000)):
            eventually(lambda: ward.shown["failures"])
        assert ward.shown["reason"] == "no_public_address"
        assert not receiver.received

    @pytest.mark.parametrize(("host", "reason"), [("hooks.lan", ""), ("other.lan", "bad_certificate")])
    def test_the_address_is_the_one_that_was_checked_and_the_certificate_the_names(
        self, gateway_to: Callable[..., Gateway], tmp_path: Path, host: str, reason: str
    ) -> None:
        server, client = certificate(tmp_path, "hooks.lan")
        with Receiver(tls=server).listening() as secured:
            port = secured.authority.rpartition(":")[2]
            secured.authority = f"{host}:{port}"
            gateway = gateway_to(secured)
            ward = registered(gateway, secured)
            ward.tell()
            with delivering(gateway, Pace(first=60_000), look_up=here, tls=client):
                eventually(lambda: ward.shown["state"] != "new")
        assert ward.shown.get("reason", "") == reason
        assert bool(secured.received) == (not reason)
        if secured.received:
            verified(secured.received[0], hooksigning.published(gateway))

    def test_a_certificate_that_nobody_vouches_for_is_not_taken(
        self, gateway_to: Callable[..., Gateway], tmp_path: Path
    ) -> None:
        server, _ = certificate(tmp_path, "hooks.lan")
        with Receiver(tls=server).listening() as secured:
            secured.authority = f"hooks.lan:{secured.authority.rpartition(':')[2]}"
            ward = registered(gateway_to(secured), secured)
            ward.tell()
            with delivering(ward.gateway, Pace(first=60_000), look_up=here):
                eventually(lambda: ward.shown["failures"])
        assert ward.shown["reason"] == "bad_certificate"


class TestOrder:
    def test_a_stop_goes_out_before_all_else(self, ward: Ward, receiver: Receiver) -> None:
        for _ in range(5):
            ward.tell()
        stop = ward.tell(Event.CONSENT_REVOKED)
        with delivering(ward.gateway):
            eventually(lambda: len(receiver.received) == 6)
        assert receiver.events[0]["consent"] == stop

    def test_a_stop_does_not_wait_for_the_next_try_of_a_webhook_that_fails(
        self, ward: Ward, receiver: Receiver
    ) -> None:
        receiver.answer = lambda _: 500
        ward.tell()
        with delivering(ward.gateway, Pace(first=3_600_000)):
            eventually(lambda: ward.shown["failures"] == 1)
            receiver.answer = lambda _: 200
            stop = ward.tell(Event.CONSENT_REVOKED)
            eventually(lambda: len(receiver.received) == 2)
        assert receiver.events[1]["consent"] == stop

    def test_only_the_gateway_that_leads_sends(
        self, ward: Ward, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked, leading = threading.Semaphore(0), threading.Event()

        def leads() -> bool:
            looked.release()
            return leading.is_set()

        monkeypatch.setattr(ward.gateway.db, "leads", leads)
        ward.tell()
        with delivering(ward.gateway):
            for _ in range(3):
                assert looked.acquire(timeout=30)
            assert not receiver.received
            leading.set()
            eventually(lambda: receiver.received)

    def test_waits_double_to_a_bound_with_chance(self) -> None:
        pace = Pace(first=1000, longest=60_000)
        assert [pace.wait(failures, 0.5) for failures in (1, 2, 3, 7, 1000)] == [
            1000,
            2000,
            4000,
            60_000,
            60_000,
        ]
        assert pace.wait(1, 0.0) == 500
        assert pace.wait(1, 0.999) == 1499


SENDER = """
import sys, threading
from pathlib import Path
from api.delivering import Deliverer
from tests.service.quiet import quiet_gateway
gateway = quiet_gateway(Path(sys.argv[1]), sys.argv[2], frozenset({sys.argv[3]}))
with Deliverer(gateway):
    threading.Event().wait()
"""


def test_what_was_on_its_way_when_the_gateway_was_killed_is_sent_again(
    place: tuple[Path, str], gateway_to: Callable[..., Gateway]
) -> None:
    done = threading.Event()
    with Receiver(answer=lambda got: 200 if done.wait(60) else 0).listening() as receiver:
        ward = registered(gateway_to(receiver), receiver)
        told = {ward.tell() for _ in range(3)}
        command = [sys.executable, "-c", SENDER, *map(str, place), receiver.authority]
        process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603
        try:
            eventually(lambda: receiver.received)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        done.set()
        assert ward.shown["waiting"] == 3
        with delivering(ward.gateway):
            eventually(lambda: ward.shown["waiting"] == 0)
        assert {event["consent"] for event in receiver.events} == told
        assert len({event["event"] for event in receiver.events}) == 3
        assert len(receiver.received) == 4


class TestRegistering:
    def test_the_same_url_again_changes_what_is_told(self, ward: Ward, receiver: Receiver) -> None:
        again = webhooks.register(ward.gateway, ward.account, receiver.url, ["consent.revoked"])
        assert again == ward.hook
        ward.tell()
        stop = ward.tell(Event.CONSENT_REVOKED)
        with delivering(ward.gateway):
            eventually(lambda: ward.shown["waiting"] == 0)
        assert [event["consent"] for event in receiver.events] == [stop]
        assert ward.shown["events"] == ["consent.revoked"]

    def test_a_kind_that_does_not_exist_is_refused(self, ward: Ward, receiver: Receiver) -> None:
        for kind in ("consent", "webhook.test", ""):
            with pytest.raises(InvalidInput) as caught:
                webhooks.register(ward.gateway, ward.account, receiver.url, [kind])
            assert caught.value.reason == "unknown_event"

    def test_a_provider_has_five_at_most(self, ward: Ward, receiver: Receiver) -> None:
        for number in range(webhooks.MOST_HOOKS - 1):
            webhooks.register(ward.gateway, ward.account, f"{receiver.url}&{number}")
        with pytest.raises(TooLarge):
            webhooks.register(ward.gateway, ward.account, f"{receiver.url}&more")
        assert webhooks.register(ward.gateway, ward.account, receiver.url) == ward.hook

    def test_a_name_that_takes_too_long_to_look_up_keeps_nobody(
        self, ward: Ward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = threading.Event()
        monkeypatch.setattr(webhooks, "LOOK_UP_SECONDS", 0.05)

        def slow(_host: str, _port: int) -> list[str]:
            done.wait(30)
            return ["8.8.8.8"]

        with pytest.raises(InvalidInput) as caught:
            webhooks.register(ward.gateway, ward.account, "https://hooks.hospital.com/", look_up=slow)
        done.set()
        assert caught.value.reason == "bad_webhook_url"

    def test_another_providers_is_not_there(self, ward: Ward) -> None:
        other = provider()
        for act in (webhooks.shown_in_full, webhooks.remove, webhooks.try_out):
            with pytest.raises(NotFound) as caught:
                act(ward.gateway, other, ward.hook)
            with pytest.raises(NotFound) as absent:
                act(ward.gateway, other, hook_id(bytes(17)))
            assert caught.value.as_dict() == absent.value.as_dict()
        assert webhooks.shown_to(ward.gateway, other) == []

    def test_one_that_is_removed_hears_nothing_more(self, ward: Ward, receiver: Receiver) -> None:
        ward.tell()
        webhooks.remove(ward.gateway, ward.account, ward.hook)
        other = registered(ward.gateway, receiver)
        about = other.tell()
        with delivering(ward.gateway):
            eventually(lambda: receiver.received)
        assert [event["consent"] for event in receiver.events] == [about]

    def test_a_test_arrives_and_goes_past_what_was_put_off(self, ward: Ward, receiver: Receiver) -> None:
        receiver.answer = lambda _: 500
        ward.tell()
        with delivering(ward.gateway, Pace(first=3_600_000)):
            eventually(lambda: ward.shown["failures"])
            receiver.answer = lambda _: 200
            event = webhooks.try_out(ward.gateway, ward.account, ward.hook)
            eventually(lambda: ward.shown["state"] == "healthy")
        assert receiver.events[-1] | {"time": 0} == {
            "event": event,
            "type": "webhook.test",
            "time": 0,
            "origin": ORIGIN,
            "webhook": ward.hook,
        }

    def test_a_second_test_waits_for_the_first(self, ward: Ward) -> None:
        webhooks.try_out(ward.gateway, ward.account, ward.hook)
        with pytest.raises(Conflict) as caught:
            webhooks.try_out(ward.gateway, ward.account, ward.hook)
        assert caught.value.reason == "test_waiting"

    def test_a_url_stands_nowhere_in_clear(self, databases: Databases, tmp_path: Path) -> None:
        url = databases.made()
        gateway = quiet_gateway(tmp_path, url)
        webhooks.register(
            gateway,
            provider(),
            "https://hooks.hospital.com/secret-path",
            look_up=lambda host, port: ["8.8.8.8"],
        )
        gateway.db.close()
        assert b"secret-path" not in databases.content(url)


def test_an_event_is_sent_to_each_webhook_apart(gateway_to: Callable[..., Gateway]) -> None:
    with Receiver().listening() as first, Receiver(answer=lambda _: 500).listening() as second:
        gateway = gateway_to(first, second)
        ward = registered(gateway, first)
        webhooks.register(gateway, ward.account, second.url)
        about = ward.tell()
        with delivering(gateway, Pace(first=60_000)):
            eventually(lambda: first.received and second.received)
            eventually(lambda: all(one["waiting"] == (one["url"] == second.url) for one in listed(ward)))
        assert first.events == second.events
        assert first.events[0]["consent"] == about


def listed(ward: Ward) -> list[dict[str, Any]]:
    return webhooks.shown_to(ward.gateway, ward.account)


def test_an_id_is_taken_from_what_happened(ward: Ward, receiver: Receiver) -> None:
    row = NewsRow(event=event_id(os.urandom(17)), kind=Event.REQUEST_DECLINED, about="rq_" + "0" * 26, at=1)
    with ward.gateway.db.write() as connection:
        enqueue(ward.gateway, connection, ward.hook, row)
    late = Pace(first=60_000, gives_up=2**50)
    with delivering(ward.gateway, late):
        eventually(lambda: receiver.received)
    assert receiver.events[0]["request"] == row.about
