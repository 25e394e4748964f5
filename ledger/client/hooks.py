"""Webhooks as a provider's system registers them, and the key by which what they are sent is signed."""

from collections.abc import Sequence

from msgspec import Struct

from ledger.client import wire
from ledger.client.http import Http
from ledger.client.session import SignedIn
from ledger.ids import HookId


class WebhookJwk(Struct, frozen=True, kw_only=True):
    """A public key that signs events to webhooks (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class WebhookKeys(Struct, frozen=True, kw_only=True):
    """A JWK set; ``signature`` is the gateway account's over `WebhookKey`."""

    keys: list[WebhookJwk]
    origin: str
    gateway: str
    signature: str


class HookCalls:
    """The part of `GatewayClient` for providers' webhooks."""

    _http: Http
    _session: SignedIn

    def webhooks(self) -> list[wire.Webhook]:
        """The provider's webhooks."""
        return self._http.decode(self._session.call("GET", "/v1/webhooks"), wire.Webhooks).webhooks

    def webhook(self, hook: HookId) -> wire.WebhookInFull:
        """One of them, or NotFound."""
        return self._http.decode(self._session.call("GET", f"/v1/webhooks/{hook}"), wire.WebhookInFull)

    def add_webhook(self, url: str, events: Sequence[str]) -> wire.WebhookInFull:
        """Have a receiver told of events, of all if none are named."""
        body = {"url": url, "events": list(events)}
        return self._http.decode(self._session.call("POST", "/v1/webhooks", body=body), wire.WebhookInFull)

    def remove_webhook(self, hook: HookId) -> None:
        """Have a receiver told nothing more."""
        self._session.call("DELETE", f"/v1/webhooks/{hook}")

    def test_webhook(self, hook: HookId) -> wire.WebhookTest:
        """Have a receiver sent an event about nothing."""
        answer = self._session.call("POST", f"/v1/webhooks/{hook}/test", body={})
        return self._http.decode(answer, wire.WebhookTest)

    def webhook_keys(self) -> WebhookKeys:
        """The key that signs what webhooks are sent, as the gateway's account vouches for it."""
        answer = self._http.call("GET", "/.well-known/consent-ledger-webhook-keys")
        return self._http.decode(answer, WebhookKeys)
