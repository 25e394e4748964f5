"""User-given URLs: in one form, to public addresses alone, and to the address that was checked."""

import pytest

from ledger.errors import InvalidInput
from ledger.service.targets import Resolve, addresses, is_public, parse_target

HOSTILE_FORMS = [
    "",
    "hooks.hospital.com",
    "//hooks.hospital.com/",
    "http://hooks.hospital.com/",
    "ftp://hooks.hospital.com/",
    "file:///etc/passwd",
    "gopher://hooks.hospital.com/",
    "HTTPS://hooks.hospital.com/",
    "https:hooks.hospital.com/",
    "https://",
    "https:///x",
    "https://HOOKS.hospital.com/",
    "https://user@hooks.hospital.com/",
    "https://user:word@hooks.hospital.com/",
    "https://hooks.hospital.com@127.0.0.1/",
    "https://hooks.hospital.com:443@127.0.0.1/",
    "https://hooks.hospital.com#@127.0.0.1/",
    "https://hooks.hospital.com/#part",
    "https://hooks.hospital.com\\@127.0.0.1/",
    "https://hooks.hospital.com%2f@127.0.0.1/",
    "https://hooks.hospital.com /",
    " https://hooks.hospital.com/",
    "https://hooks.hospital.com/\r\nHost: 127.0.0.1",
    "https://hooks.hospital.com/a b",
    "https://hooks.hospital.com/\N{LATIN SMALL LETTER E WITH ACUTE}",
    "https://hooks.hospital.com\x00/",
    "https://\N{CIRCLED DIGIT ONE}27.0.0.1/",
    "https://hooks\N{FULLWIDTH FULL STOP}hospital.com/",
    "https://hooks.hospital.com:80/",
    "https://hooks.hospital.com:22/",
    "https://hooks.hospital.com:8443/",
    "https://hooks.hospital.com:0443/",
    "https://hooks.hospital.com:/",
    "https://hooks.hospital.com:99999/",
    "https://hooks.hospital.com./",
    "https://hooks..com/",
    "https://-hooks.hospital.com/",
    "https://hooks_a.hospital.com/",
    "https://hospital/",
    "https://localhost/",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://hooks.lan/",
    "https://7.100.51.198.in-addr.arpa/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://127.0.0.0x1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://198.51.99.7/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[2606:4700::1111]/",
    "https://[fe80::1%25eth0]/",
    "https://hooks.hospital.com/" + "a" * 1024,
]
PRIVATE = [
    "0.0.0.0",  # noqa: S104
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%1",
    "fec0::1",
    "ff02::1",
    "not an address",
    "127.1",
    "",
]
PUBLIC = ["8.8.8.8", "198.51.99.7", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
URL = "https://hooks.hospital.com/consents?of=clinic"


def resolving(*found: str) -> Resolve:
    return lambda host, port: found


@pytest.mark.parametrize("url", HOSTILE_FORMS)
def test_a_url_in_another_form_is_refused_whatever_it_resolves_to(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        addresses(parse_target(url), resolving("8.8.8.8"))
    assert caught.value.reason == "bad_webhook_url"


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("others", [(), ("8.8.8.8",)])
def test_a_name_with_any_address_that_is_not_public_is_refused(address: str, others: tuple[str, ...]) -> None:
    for found in ((*others, address), (address, *others)):
        with pytest.raises(InvalidInput) as caught:
            addresses(parse_target(URL), resolving(*found))
        assert caught.value.reason == "bad_webhook_url"


def test_a_name_without_an_address_is_refused_in_the_same_words() -> None:
    with pytest.raises(InvalidInput) as unknown:
        addresses(parse_target(URL), resolving())
    with pytest.raises(InvalidInput) as private:
        addresses(parse_target(URL), resolving("10.0.0.1"))
    assert unknown.value.as_dict() == private.value.as_dict()


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_name_is_taken_and_looked_up_once(address: str) -> None:
    asked: list[tuple[str, int]] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [address, address]

    target = parse_target(URL)
    assert addresses(target, look_up) == [address]
    assert asked == [("hooks.hospital.com", 443)]
    assert (target.path, target.authority) == ("/consents?of=clinic", "hooks.hospital.com")
    assert is_public(address)


ALLOWED = frozenset({"127.0.0.1:9000", "hooks.lan:8443", "hooks.lan:80", "[::1]:9000"})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/",
        "https://127.0.0.1:9000/x",
        "https://hooks.lan:8443/",
        "http://[::1]:9000/",
    ],
)
def test_what_an_operator_names_may_be_private(url: str) -> None:
    assert addresses(parse_target(url, ALLOWED), resolving("10.0.0.1")) == ["10.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9001/",
        "http://127.0.0.1/",
        "https://localhost:9000/",
        "https://a.hooks.lan:8443/",
        "https://hooks.lan/",
        "http://hooks.lan:8443/",
        "http://hooks.lan/",
        "https://user@hooks.lan:8443/",
        "https://HOOKS.lan:8443/",
        "https://127.1:9000/",
    ],
)
def test_nothing_else_is_by_that_and_only_loopback_without_tls(url: str) -> None:
    with pytest.raises(InvalidInput):
        parse_target(url, ALLOWED)


def test_the_table_is_long_enough() -> None:
    assert len(set(HOSTILE_FORMS)) + len(set(PRIVATE)) >= 100
