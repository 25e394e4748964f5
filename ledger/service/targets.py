"""URLs that somebody else gives and this gateway calls: which of them it calls, and at which address.

A URL is taken in one form only: ``https://<name>/…``, the name in lower case as the DNS has it, on port 443,
without user, fragment, or a number in place of the name. What its name resolves to is looked up by us, must
be public without exception, and is what we connect to: looked up again, the answer could be another one. So
nobody reaches by us what only we can reach. An operator may name authorities for which all of this does not
hold but the form, such as a receiver in their own house; and only one on loopback is called without TLS.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ledger.errors import InvalidInput

LONGEST = 1024
HTTPS = 443
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host and port, as text; empty if there are none."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])"
    r"(:(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"({_LABEL}\.)+([a-z]{{2,63}}|xn--[a-z0-9-]{{1,58}}[a-z0-9])")
_NOT_IN_THE_DNS = re.compile(
    r"(.+\.)?(localhost|local|localdomain|internal|intranet|lan|home|corp|private|arpa|onion|alt|test|invalid"
    r"|example)"
)

_NOT_PUBLIC_V4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by customers of a carrier
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services for its machines
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation, as the next but two and the one after it
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo and other protocols' own
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be called: its parts, and whether an operator has named its authority."""

    url: str
    tls: bool
    host: str
    port: int
    path: str
    named: bool

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them; the scheme's own port is left out."""
        usual = HTTPS if self.tls else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"

    @property
    def dialled(self) -> str:
        """The host as a resolver takes it."""
        return self.host.strip("[]")


def parse_target(url: str, allowed: Collection[str] = ()) -> Target:
    """The target that a URL is; nothing is looked up.

    Args:
        url: as somebody gave it.
        allowed: the authorities, ``host:port``, that an operator has named.

    Raises:
        InvalidInput: ``bad_webhook_url``.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST else None
    if found is None:
        raise refused()
    tls, host = found["scheme"] == "https", found["host"]
    port = int(found["port"] or (HTTPS if tls else 80))
    named = f"{host}:{port}" in allowed
    if not (_is_named(host, tls=tls) if named else _is_public_name(host) and tls and port == HTTPS):
        raise refused()
    path = (found["path"] or "/") + (found["query"] or "")
    return Target(url=url, tls=tls, host=host, port=port, path=path, named=named)


def addresses(target: Target, resolve: Resolve) -> list[str]:
    """Where a target may be connected to, in the order in which to try. Looked up once; use no other.

    Raises:
        InvalidInput: ``bad_webhook_url``: it has no address, or one that is not public.
    """
    found = list(dict.fromkeys(resolve(target.dialled, target.port)))
    if not found or not (target.named or all(map(is_public, found))):
        raise refused()
    return found


def is_public(text: str) -> bool:
    """Whether an address is one of a host on the public internet, and of no other by way of it."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None or address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V6)


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says; nothing if it knows no such host."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def refused() -> InvalidInput:
    """One answer to all, so that it tells nothing of what this gateway can look up or reach."""
    return InvalidInput(
        "this is not a public https URL",
        reason="bad_webhook_url",
        fix="Give https://<name>/<path> on port 443, in lower case; or ask the operator to allow the host.",
    )


def _is_public_name(host: str) -> bool:
    return _NAME.fullmatch(host) is not None and _NOT_IN_THE_DNS.fullmatch(host) is None


def _is_named(host: str, *, tls: bool) -> bool:
    return tls or host in LOOPBACK
