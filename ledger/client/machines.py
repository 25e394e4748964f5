"""Machines that sign in for a participant: their registered keys, and tokens for their assertions."""

from urllib.parse import urlencode

from msgspec import Struct

from ledger.client.http import Http
from ledger.client.session import SignedIn

FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Token(Struct, frozen=True, kw_only=True):
    """An RFC 6749 token answer."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str

    def __repr__(self) -> str:
        return "Token()"


class MachineKey(Struct, frozen=True, kw_only=True):
    """A registered key; ``revoked`` in Unix milliseconds."""

    kid: str
    jwk: dict[str, str]
    revoked: int | None


class MachineKeys(Struct, frozen=True, kw_only=True):
    """The caller's registered keys."""

    keys: list[MachineKey]


class MachineCalls:
    """The part of `GatewayClient` for machines."""

    _http: Http
    _session: SignedIn

    def machine_token(self, assertion: str) -> Token:
        """A bearer token for an assertion that a registered key has signed (RFC 7523)."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            "scope": "participant",
        }
        headers = {"Content-Type": FORM}
        answer = self._http.call("POST", "/v1/token", body=urlencode(form).encode(), headers=headers)
        return self._http.decode(answer, Token)

    def machine_keys(self) -> list[MachineKey]:
        """The caller's registered keys, revoked ones too."""
        return self._http.decode(self._session.call("GET", "/v1/machine-keys"), MachineKeys).keys

    def register_machine_key(self, kid: str, jwk: dict[str, str], signature: str) -> None:
        """Let the holder of a key sign in for the caller; again is success."""
        self._session.call("PUT", f"/v1/machine-keys/{kid}", body={"jwk": jwk, "signature": signature})

    def revoke_machine_key(self, kid: str) -> None:
        """Let a key sign in no more, and end every session of the caller."""
        self._session.call("DELETE", f"/v1/machine-keys/{kid}")
