"""Profiles, applications and cards: one text each, believed only with the right signatures."""

from dataclasses import replace

import pytest

from ledger.canonical import canonical, parse_object
from ledger.crypto.identity import Account
from ledger.crypto.sealing import KeyPair, key_digest
from ledger.errors import InvalidInput, SignatureInvalid, TooLarge
from ledger.ids import Did, did_of
from ledger.parties import (
    Application,
    Card,
    Profile,
    Role,
    VouchedKey,
    parse_application,
    parse_card,
    parse_profile,
)

CHAIN = 31337
CLINIC = Account.from_key(bytes([7]) * 32)
OTHER = Account.from_key(bytes([8]) * 32)
DIRECTORY = Account.from_key(bytes([9]) * 32).address
REGISTRY = Account.from_key(bytes([10]) * 32).address
PUBLIC = KeyPair.from_secret(bytes([1]) * 32).public


def did(account: Account) -> Did:
    return did_of(CHAIN, account.address)


def vouched(account: Account = CLINIC) -> VouchedKey:
    return VouchedKey.encryption(account, PUBLIC, version=1, chain_id=CHAIN, directory=DIRECTORY)


def profile(**changes: object) -> Profile:
    whole = Profile(participant=did(CLINIC), name="City Hospital", kind="organisation", encryption=vouched())
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_a_profile_reads_back_as_it_was_written() -> None:
    assert parse_profile(profile().text) == profile()
    assert parse_profile(profile(encryption=None).text.decode()) == profile(encryption=None)
    assert profile().account == CLINIC.address


def test_the_profile_hash_covers_name_and_key() -> None:
    other = replace(vouched(), key=KeyPair.from_secret(bytes([2]) * 32).public)
    digests = {profile().digest, profile(name="City Clinic").digest, profile(encryption=other).digest}
    assert len(digests) == 3


def test_a_profile_key_must_be_signed_by_its_participant() -> None:
    profile().verify(DIRECTORY)
    with pytest.raises(SignatureInvalid):
        profile(encryption=vouched(OTHER)).verify(DIRECTORY)
    with pytest.raises(SignatureInvalid):
        profile(encryption=replace(vouched(), number=2)).verify(DIRECTORY)
    with pytest.raises(SignatureInvalid):
        profile().verify(REGISTRY)


@pytest.mark.parametrize(
    "name", ["", "a" * 61, "two\nlines", "right\u202eleft", "e\u0301", "a  b", 'say "x"']
)
def test_a_name_that_could_mislead_a_patient_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        profile(name=name)
    assert caught.value.reason == "bad_name"


def test_other_spellings_of_a_profile_are_refused() -> None:
    text = profile().text
    spaced = text.replace(b'","name"', b'", "name"')
    more = canonical({**parse_object(text), "logo": "x"})
    less = canonical({key: value for key, value in parse_object(text).items() if key != "kind"})
    for wrong in (spaced, more, less, text.replace(b"profile/1", b"profile/2"), b"[]", text + b" "):
        with pytest.raises(InvalidInput):
            parse_profile(wrong)
    with pytest.raises(TooLarge):
        parse_profile(b" " * (16 * 1024) + text)


def test_a_short_or_oddly_numbered_key_is_refused() -> None:
    members = parse_object(profile().text)
    for key in (
        {**members["encryption"], "key": "AAAA"},
        {**members["encryption"], "version": True},
        {**members["encryption"], "version": -1},
        {**members["encryption"], "more": 1},
        "key",
    ):
        with pytest.raises(InvalidInput):
            parse_profile(canonical({**members, "encryption": key}))


def test_an_application_carries_profile_roles_and_both_signatures() -> None:
    application = Application.sign(profile(), Role.PROVIDER | Role.AUDITOR, CLINIC)
    read = parse_application(application.text)
    read.verify(DIRECTORY)
    assert read == application
    assert read.roles.words == ["provider", "auditor"]
    assert int(read.roles) == 5
    assert read.profile.encryption is not None
    assert key_digest(read.profile.encryption.key) == key_digest(PUBLIC)


def test_an_application_that_somebody_else_or_for_something_else_signed_is_refused() -> None:
    for forged in (
        Application.sign(profile(), Role.PROVIDER, OTHER),
        replace(Application.sign(profile(), Role.AUDITOR, CLINIC), roles=Role.GATEWAY),
        replace(Application.sign(profile(), Role.PROVIDER, CLINIC), profile=profile(name="Other Hospital")),
    ):
        with pytest.raises(SignatureInvalid):
            forged.verify(DIRECTORY)


def test_a_provider_without_an_encryption_key_cannot_apply() -> None:
    application = Application.sign(profile(encryption=None), Role.PROVIDER, CLINIC)
    with pytest.raises(InvalidInput) as caught:
        application.verify(DIRECTORY)
    assert caught.value.reason == "encryption_key_missing"
    Application.sign(profile(encryption=None), Role.AUDITOR, CLINIC).verify(DIRECTORY)


@pytest.mark.parametrize(
    "roles", [[], ["doctor"], ["provider", "provider"], ["auditor", "provider"], "provider"]
)
def test_roles_are_named_once_and_in_order(roles: object) -> None:
    members = parse_object(Application.sign(profile(), Role.PROVIDER, CLINIC).text)
    with pytest.raises(InvalidInput):
        parse_application(canonical({**members, "roles": roles}))


def test_a_card_reads_back_and_proves_its_holder() -> None:
    inbox = VouchedKey.inbox(CLINIC, PUBLIC, epoch=0, chain_id=CHAIN, registry=REGISTRY)
    for card in (
        Card.sign(did(CLINIC), CLINIC),
        Card.sign(did(CLINIC), CLINIC, name="Alice", encryption=vouched(), inbox=inbox),
    ):
        read = parse_card(card.text)
        read.verify(directory=DIRECTORY, registry=REGISTRY)
        assert read == card


def test_a_card_of_another_account_or_with_a_foreign_key_is_refused() -> None:
    foreign = VouchedKey.inbox(OTHER, PUBLIC, epoch=0, chain_id=CHAIN, registry=REGISTRY)
    for forged in (
        Card.sign(did(OTHER), CLINIC),
        replace(Card.sign(did(CLINIC), CLINIC, name="Alice"), name="Mallory"),
        Card.sign(did(CLINIC), CLINIC, inbox=foreign),
        Card.sign(did(CLINIC), CLINIC, encryption=vouched(OTHER)),
    ):
        with pytest.raises(SignatureInvalid):
            forged.verify(directory=DIRECTORY, registry=REGISTRY)


def test_a_signed_profile_text_is_no_card_and_no_application() -> None:
    with pytest.raises(InvalidInput):
        parse_card(profile().text)
    with pytest.raises(InvalidInput):
        parse_application(Card.sign(did(CLINIC), CLINIC).text)
