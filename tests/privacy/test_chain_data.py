"""Nothing on chain tells of a patient, a provider, a purpose or a record, or what belongs to one patient."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import pytest

from ledger.chain import calls
from ledger.chain.events import Recorded, Revoked, RevokedAll, Skipped
from ledger.crypto.identity import Account
from ledger.keccak import keccak256
from tests.privacy.dictionary import (
    attack,
    attack_terms,
    attack_terms_from_chain,
    carried,
    dictionary,
    grantees,
    guesses,
    of_consent,
    secrets,
)
from tests.privacy.history import DELAY, Given, Patient, World, world
from tests.privacy.links import blocks_of, is_framing, own_runs, own_words, shared_numbers, traces
from tests.privacy.observer import Envelope, View, observe

pytestmark = pytest.mark.timeout(900)  # the history is made in the first test's time


@pytest.fixture(scope="session")
def wallets(history: World) -> set[bytes]:
    """The accounts of those who chose to give a consent with the account itself."""
    return {_account(one) for one in history.given if one.is_of_the_account}


@pytest.fixture(scope="session")
def hidden(history: World) -> list[Given]:
    """The consents under controllers of their own."""
    return [one for one in history.given if not one.is_of_the_account]


def test_the_history_has_every_kind_of_act(history: World, view: View) -> None:
    index = history.gateway.follower.index
    kinds = Counter(type(event) for event in index.events())
    assert kinds[Recorded] + kinds[Revoked] > 1000
    assert kinds[RevokedAll] > 3
    assert kinds[Skipped] == 0
    ended = [one for one in history.given if index.ended_number(one.id) is not None]
    assert any(index.consent(one.id) is None for one in ended), "no tombstone"
    assert {one.part for one in view.seen} == {"calldata", "sender", "receiver", "event", "storage"}
    assert {one.contract for one in view.seen} >= {"registry", "directory"}
    stored = [one for one in view.at("registry").seen if one.part == "storage"]
    assert len(stored) >= len(history.given)


@pytest.mark.timeout(3600)  # a million candidates take minutes
def test_no_secret_stands_on_chain_in_any_form(
    history: World, view: View, wallets: set[bytes], candidates: int
) -> None:
    dice = random.Random(1)  # noqa: S311 - a repeatable dictionary
    told = {"registry", "anchor", "other"}
    found = attack(view.at(*told), dictionary(history, candidates, dice))
    assert {one.candidate for one in found} <= wallets
    assert {one.way for one in found} <= {"raw", "word"}


def test_the_directory_names_providers_and_nobody_else(
    history: World, view: View, wallets: set[bytes]
) -> None:
    people = {value for patient in history.patients for value in of_patient(patient)}
    found = {one.candidate for one in attack(view.at("directory"), {*people, *grantees(history), *carried()})}
    assert found <= set(grantees(history))
    assert len(found) == len(history.clinics)
    assert found.isdisjoint(wallets)


def test_no_salt_that_anyone_can_guess_opens_a_commitment(history: World, view: View) -> None:
    assert attack_terms(view, guesses(history.given), history.deployment) == set()


def test_no_salt_is_made_of_what_the_chain_shows(
    history: World, view: View, hidden: list[Given], candidates: int
) -> None:
    controllers = {bytes.fromhex(one.controller.address[2:]) for one in hidden}
    assert len(controllers & set(view.facts)) > 900
    dice = random.Random(2)  # noqa: S311 - a repeatable sample
    sample = dice.sample(history.given, min(len(history.given), candidates // 2000))
    assert attack_terms_from_chain(view, guesses(sample)) == set()


def test_two_consents_of_a_patient_have_no_word_in_common(view: View, hidden: list[Given]) -> None:
    found = traces(view, hidden)
    assert len(found) == len(hidden)
    numbers = shared_numbers(found)
    for first, second in _pairs(found):
        shared = set(found[first]) & set(found[second])
        assert all(is_framing(word, numbers) for word in shared)
    lists = [own_words(words, numbers) for words in found.values()]
    assert min(map(len, lists)) >= 4  # controller, id, terms, r, s: the comparison had something to compare


def test_nor_any_run_of_bytes_at_any_offset(view: View, hidden: list[Given]) -> None:
    found = traces(view, hidden)
    numbers = shared_numbers(found)
    runs = {given: own_runs(words, numbers) for given, words in found.items()}
    assert all(runs[first].isdisjoint(runs[second]) for first, second in _pairs(runs))


def test_the_dates_on_chain_are_of_one_grid_for_all(history: World) -> None:
    ends = Counter(one.filing.until for one in history.given)
    assert len(ends) <= 6
    assert min(ends.values()) > 5


def test_no_block_has_two_acts_of_a_patient(view: View, hidden: list[Given]) -> None:
    crowd = Counter((given.patient, block) for given, block in blocks_of(view, hidden))
    assert [place for place, count in crowd.items() if count > 1] == []
    assert max(Counter(block for _, block in crowd).values()) > 5, "blocks were never shared by anyone"


def test_controllers_hold_no_ether_and_send_nothing(history: World, view: View, hidden: list[Given]) -> None:
    senders = {one.sender for one in view.envelopes}
    controllers = [one.controller.address for one in hidden]
    assert senders.isdisjoint(address.lower() for address in controllers)
    answers = history.rpc.batch(
        [
            call
            for address in controllers
            for call in (
                ("eth_getBalance", (address, "latest")),
                ("eth_getTransactionCount", (address, "latest")),
            )
        ]
    )
    assert {answer.value() for answer in answers} == {"0x0"}


def test_envelopes_say_nothing_of_whose_act_they_carry(history: World, view: View) -> None:
    ours = {history.gateway.account.lower(), history.courier.key.address.lower()}
    to_registry = [one for one in view.envelopes if one.to == history.deployment.registry.lower()]
    own = {one.controller.address.lower() for one in history.given if one.is_of_the_account}
    assert {one.sender for one in to_registry} - own == ours
    assert {(one.value, one.access_list) for one in view.envelopes} == {(0, ())}
    relayed = [one for one in to_registry if one.sender == history.gateway.account.lower()]
    limits = {(_acts_in(one), one.gas) for one in relayed}
    numbers = [acts for acts, _ in limits]
    assert len(numbers) == len(set(numbers)), "acts that travel alike had different limits"
    assert max(numbers) > 1
    assert (1, 150_000) in limits


def test_waits_are_drawn_for_each_recording_alone(history: World) -> None:
    waits: dict[Given, float] = {}
    for given in history.given:
        for one, _ in history.gateway.relayer._store.find(given.id, "recording"):
            waits[given] = one.not_before / 1000 - given.filed_at.timestamp()
    assert len(waits) == 600
    drawn = sorted(waits.values())
    assert drawn[0] >= 0
    assert drawn[-1] <= DELAY
    farthest = max(abs(one / DELAY - place / len(drawn)) for place, one in enumerate(drawn))
    assert farthest < 1.63 / len(drawn) ** 0.5  # Kolmogorov-Smirnov at 1 %; the seed is fixed
    same_day = [abs(waits[a] - waits[b]) for a, b in _pairs(waits) if a.filed_at == b.filed_at]
    assert len(same_day) > 10
    assert DELAY / 6 < sum(same_day) / len(same_day) < DELAY / 2  # as of two independent draws: a third


def test_who_gives_consents_with_the_account_shows_the_account_and_no_more(
    history: World, view: View, wallets: set[bytes]
) -> None:
    own = [one for one in history.given if one.is_of_the_account]
    assert len(own) > 5
    told = {value for one in own for value in (*of_patient(one.patient), *of_consent(one))} - wallets
    found = attack(view.at("registry", "anchor", "other"), [*told, *wallets])
    assert {one.candidate for one in found} == wallets


def of_patient(patient: Patient) -> Iterator[bytes]:
    """By what a patient is known."""
    account = patient.account.address
    yield from (patient.name.encode(), patient.did.encode(), account.encode(), bytes.fromhex(account[2:]))


Plant = Callable[[World, Given], tuple[bytes, bytes]]
"""What somebody puts in the place of a commitment, and the candidate by which it must be found."""


def _planted(value: Callable[[Given], bytes], hashed: Callable[[bytes], bytes]) -> Plant:
    return lambda _world, given: (hashed(value(given)), value(given))


def _account(given: Given) -> bytes:
    return bytes.fromhex(given.patient.account.address[2:])


PLANTS: dict[str, Plant] = {
    "raw account": _planted(_account, lambda value: value.rjust(32, b"\0")),
    "account at an odd offset": _planted(_account, lambda value: b"\1" * 5 + value + b"\2" * 7),
    "hashed account": _planted(_account, keccak256),
    "hash of a padded account": _planted(_account, lambda value: keccak256(value.rjust(32, b"\0"))),
    "hashed did": _planted(lambda given: given.patient.did.encode(), keccak256),
    "hashed name": _planted(lambda given: given.patient.name.encode(), keccak256),
    "hash cut short": _planted(_account, lambda value: keccak256(value)[:20].ljust(32, b"\7")),
    "hashed statement": _planted(lambda given: given.filing.statement.encode(), keccak256),
    "hashed document": _planted(
        lambda given: given.filing.document, lambda value: keccak256(keccak256(value))
    ),
    "purpose as a word": _planted(lambda _: b"HRESCH", lambda value: value.ljust(32, b"\0")),
    "hashed class": _planted(lambda _: b"30954-2", keccak256),
    "hashed record": _planted(lambda given: given.patient.records[0].encode(), keccak256),
}


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small history in which everything was done that this project does not do."""
    state = tmp_path_factory.mktemp("careless")
    state.chmod(0o700)
    with world(state, seed=7, people=len(PLANTS) + 3) as found:
        yield found


def test_the_attack_finds_every_commitment_without_a_salt(careless: World) -> None:
    expected = set()
    for (name, plant), patient in zip(PLANTS.items(), careless.patients, strict=False):
        given = careless.sign(patient)
        terms, candidate = plant(careless, given)
        sender = careless.courier
        sender.send(careless.deployment.registry, calls.record(epoch=0, terms_hash=terms, until=2**40 - 1))
        careless.mine()
        expected.add((name, candidate))
    view = observe(careless.rpc, careless.deployment).at("registry")
    found = {one.candidate for one in attack(view, secrets(careless))}
    assert {name for name, candidate in expected if candidate not in found} == set()
    assert found.isdisjoint(
        value for clean in careless.patients[len(PLANTS) :] for value in of_patient(clean)
    )


def test_the_attack_finds_known_salts_accounts_and_brain_wallets(careless: World) -> None:
    zero, brainy, own = careless.patients[-3:]
    unsalted = careless.sign(zero, salt=bytes(32))
    brain = Account.from_key(keccak256(brainy.name.encode()))
    guessed = careless.sign(brainy, controller=brain)
    public = careless.sign(own, controller=own.account)
    careless.send(calls.record_batch([one.signed for one in (unsalted, guessed, public)]))
    view = observe(careless.rpc, careless.deployment).at("registry")
    (found,) = attack_terms(view, guesses([unsalted, guessed, public]), careless.deployment)
    assert (found.candidate, found.way) == (
        unsalted.filing.statement.encode(),
        "terms with salt: 0",
    )
    ways = {(one.candidate, one.way) for one in attack(view, secrets(careless))}
    assert (brainy.name.encode(), "address of the key keccak of value") in ways
    assert (_account(public), "word") in ways


def test_the_links_are_seen_where_there_are_some(careless: World) -> None:
    patient = careless.patients[0]
    shared = Account.from_key(keccak256(b"one controller for two consents"))
    pair = [careless.sign(patient, controller=shared) for _ in range(2)]
    careless.send(calls.record_batch([one.signed for one in pair]))
    view = observe(careless.rpc, careless.deployment)
    numbers = shared_numbers({one: words_about(view, one) for one in careless.given})
    first, second = (own_words(words_about(view, one), numbers) for one in pair)
    assert shared.address[2:].lower() in {word[12:].hex() for word in first & second}
    first, second = (own_runs(words_about(view, one), numbers) for one in pair)
    assert not first.isdisjoint(second)
    seen = [block for given in pair for _, block in blocks_of(view, [given])]
    assert len(set(seen)) == 1


def test_a_small_number_that_only_one_patient_has_is_seen(careless: World) -> None:
    patient, other = careless.patients[:2]
    offset, number = (value.to_bytes(32, "big") for value in (160, 4711))
    found = {
        careless.sign(patient): [offset, number],
        careless.sign(patient): [number, offset],
        careless.sign(other): [offset],
    }
    numbers = shared_numbers(found)
    assert [own_words(words, numbers) for words in found.values()] == [{number}, {number}, set()]


SALTS: dict[str, Callable[[Given, View], bytes]] = {
    "address": lambda given, _: _controller(given).rjust(32, b"\0"),
    "keccak of address": lambda given, _: keccak256(_controller(given)),
    "keccak of account and address": lambda given, _: keccak256(_account(given) + _controller(given)),
    "keccak of address and registry": lambda given, view: keccak256(
        _controller(given) + bytes.fromhex(view.deployment.registry[2:])
    ),
    "time": lambda _, view: view.times[-1].to_bytes(32, "big"),
    "keccak of account and time": lambda given, view: keccak256(
        _account(given) + view.times[-1].to_bytes(32, "big")
    ),
}
"""Salts that somebody may have thought were enough, of a consent that does not exist yet."""


def test_the_attack_finds_salts_made_of_what_the_chain_shows(careless: World) -> None:
    before = observe(careless.rpc, careless.deployment)
    planted = {}
    for (name, salt), patient in zip(SALTS.items(), careless.patients, strict=False):
        draft = careless.sign(patient)
        planted[name] = careless.sign(patient, controller=draft.controller, salt=salt(draft, before))
    clean = careless.sign(careless.patients[-1])
    careless.send(calls.record_batch([one.signed for one in (*planted.values(), clean)]))
    view = observe(careless.rpc, careless.deployment).at("registry")
    found = attack_terms_from_chain(view, guesses([*planted.values(), clean]))
    expected = {
        (given.filing.statement.encode(), f"terms with salt: {name}") for name, given in planted.items()
    }
    assert found == expected


def _controller(given: Given) -> bytes:
    return bytes.fromhex(given.controller.address[2:])


def words_about(view: View, given: Given) -> list[bytes]:
    return traces(view, [given])[given]


def _pairs(found: Iterable[Given]) -> Iterator[tuple[Given, Given]]:
    """Every two consents of one patient."""
    by_patient: dict[object, list[Given]] = defaultdict(list)
    for given in found:
        by_patient[given.patient].append(given)
    for own in by_patient.values():
        yield from combinations(own, 2)


def _acts_in(one: Envelope) -> int:
    """How many acts a transaction carries: a batch says it in the word behind an offset."""
    is_batch = one.data[:4] == calls.encode(calls.REGISTRY, "recordBatch", [])[:4]
    return int.from_bytes(one.data[36:68], "big") if is_batch else 1
