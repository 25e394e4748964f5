"""How events to webhooks are signed: RFC 9421 with an Ed25519 key of the gateway, over an RFC 9530 digest.

The key is published as a JWK set at a well-known path. It is of no use for anything else, and the gateway's
account, which the directory on chain names, signs for it (`WebhookKey`): so a receiver need not believe
whoever answers at the gateway's URL.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.canonical import canonical, hexed
from ledger.crypto.typed import WebhookKey
from ledger.service.gateway import Gateway

WELL_KNOWN = "/.well-known/consent-ledger-webhook-keys"
COVERED = ("@method", "@target-uri", "content-type")
"""What is signed beside the digest of the body."""

TAG = "consent-ledger-webhook"
LABEL = "gateway"
LASTS = timedelta(minutes=5)
"""How long after its making a signature counts."""

MEDIA_TYPE = "application/json"


@dataclass(slots=True)
class Message:
    """An HTTP request as `http_message_signatures` looks at one."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookKey:
    """The key that signs; `kid` is its RFC 7638 thumbprint."""

    private: Ed25519PrivateKey = field(repr=False)
    jwk: dict[str, str]
    thumbprint: bytes

    @classmethod
    def of(cls, seed: bytes) -> "HookKey":
        """The key made from 32 secret bytes."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": _b64url(private.public_key().public_bytes_raw())}
        return cls(private=private, jwk=jwk, thumbprint=sha256(canonical(jwk)).digest())

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint, by which signatures name the key."""
        return _b64url(self.thumbprint)


def published(gateway: Gateway) -> dict[str, Any]:
    """The JWK set, with the signature of the gateway's account for its one key."""
    key = HookKey.of(gateway.keys.webhook_seed)
    origin = gateway.settings.origin
    claim = WebhookKey(origin=origin, gateway=gateway.account, key=key.thumbprint)
    return {
        "keys": [{**key.jwk, "kid": key.kid, "alg": "EdDSA", "use": "sig"}],
        "origin": origin,
        "gateway": gateway.did(gateway.account),
        "signature": hexed(gateway.keys.relayer.sign(claim.digest(gateway.gateway_domain))),
    }


def signed(key: HookKey, url: str, body: bytes, *, nonce: bytes, now: datetime) -> dict[str, str]:
    """The headers of a POST of `body` to `url`, signed for the next few minutes; the nonce is single-use."""
    from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
    from http_message_signatures.algorithms import ED25519

    message = Message("POST", url, {"Content-Type": MEDIA_TYPE})
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.kid: key.private})
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver).sign(
        message,
        key_id=key.kid,
        created=now,
        expires=now + LASTS,
        nonce=_b64url(nonce),
        label=LABEL,
        tag=TAG,
        covered_component_ids=COVERED,
        body=body,
    )
    return message.headers


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
