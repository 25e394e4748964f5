"""Signing in to a gateway (EIP-4361) when a call first needs it."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ledger.canonical import hexed
from ledger.client.http import Answer, Http
from ledger.client.wire import Challenge, Session
from ledger.crypto.identity import Account
from ledger.crypto.signatures import personal_digest
from ledger.errors import GatewayUnreachable, SignInRefused, SignInRequired
from ledger.service.signin import SignInMessage, check_message, parse_message, parse_time

LOST = ("no_answer", "timeout")
"""Why nobody knows whether a request was acted on."""


class SignedIn:
    """Calls in the name of one account; the token lives in memory and is renewed when it has expired."""

    def __init__(
        self, http: Http, *, account: Account | None, chain_id: int, clock: Callable[[], datetime]
    ) -> None:
        """Nothing is sent before the first call.

        Args:
            http: the gateway.
            account: who calls; None for somebody without keys, who can make no such call.
            chain_id: the chain of the client's own configuration.
            clock: aware UTC.
        """
        self._http = http
        self._account = account
        self._chain_id = chain_id
        self._clock = clock
        self._session: Session | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | bytes | None = None,
        params: Mapping[str, int | str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`Http.call` with a bearer token; signs in first, and once more if the session has ended meanwhile.

        Raises:
            SignInRequired: there is no account to sign in with.
            SignInRefused: the gateway asks to sign a message for somewhere else, or takes none.
            GatewayUnreachable, LedgerError: as `Http.call`.
        """
        if self._session is not None:
            try:
                return self._call(self._session, method, path, body, params, headers)
            except SignInRequired:
                self._session = None
        self._session = self._sign_in()
        return self._call(self._session, method, path, body, params, headers)

    def call_once(self, method: str, path: str, *, body: dict[str, Any] | None = None) -> Answer:
        """`call` for a write that takes an Idempotency-Key: tried again if its answer is lost, done once."""
        headers = {"Idempotency-Key": os.urandom(16).hex()}
        try:
            return self.call(method, path, body=body, headers=headers)
        except GatewayUnreachable as exc:
            if exc.reason not in LOST:
                raise
            return self.call(method, path, body=body, headers=headers)

    def sign_out(self) -> None:
        """End the session, if there is one."""
        if self._session is not None:
            token, self._session = self._session.token, None
            self._http.call("DELETE", "/v1/sign-in", token=token)

    def sign_out_everywhere(self) -> None:
        """End every session of the account, here and elsewhere; without one, one is begun for it."""
        self.call("DELETE", "/v1/sign-in/all")
        self._session = None

    def _call(
        self,
        session: Session,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None,
        params: Mapping[str, int | str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        return self._http.call(method, path, body=body, params=params, headers=headers, token=session.token)

    def _sign_in(self) -> Session:
        if self._account is None:
            raise SignInRequired("this needs an identity", fix="Unlock a profile with a keystore first.")
        answer = self._http.call("POST", "/v1/sign-in/challenge", body={"account": self._account.address})
        text = self._message(self._http.decode(answer, Challenge)).text
        signature = self._account.sign(personal_digest(text))
        answer = self._http.call("POST", "/v1/sign-in", body={"message": text, "signature": hexed(signature)})
        session = self._http.decode(answer, Session)
        if session.account != self._account.address:
            raise SignInRefused("the gateway opened a session for another account", reason="other_account")
        return session

    def _message(self, challenge: Challenge) -> SignInMessage:
        """The message for the gateway that we called, whatever the challenge says; else it is refused."""
        if self._account is None:
            raise SignInRequired("this needs an identity")
        message = SignInMessage(
            domain=challenge.domain,
            address=self._account.address,
            uri=challenge.uri,
            chain_id=challenge.chain_id,
            nonce=challenge.nonce,
            issued_at=parse_time(challenge.issued_at),
            expires_at=parse_time(challenge.expires_at),
        )
        origin = self._http.origin
        check_message(
            message, domain=urlsplit(origin).netloc, uri=origin, chain_id=self._chain_id, now=self._clock()
        )
        parse_message(message.text)
        return message
