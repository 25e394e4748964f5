"""AuthZEN 1.0 as a client asks it: batches, searches and where a decision point answers."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from ledger.client.http import Http
from ledger.client.session import SignedIn
from ledger.errors import GatewayUnreachable

MOST_PAGES = 1000


class Configuration(Struct, frozen=True, kw_only=True):
    """AuthZEN metadata."""

    policy_decision_point: str
    access_evaluation_endpoint: str
    access_evaluations_endpoint: str
    search_subject_endpoint: str
    search_resource_endpoint: str
    search_action_endpoint: str


class Decided(Struct, frozen=True, kw_only=True):
    """An AuthZEN decision; the context is that of an evaluation, or holds the ``error`` of an item."""

    decision: bool
    context: dict[str, Any]


class Evaluations(Struct, frozen=True, kw_only=True):
    """One decision for each evaluation, up to where the semantic ends the batch.

    To a batch without evaluations the answer is the single decision.
    """

    evaluations: list[Decided] | UnsetType = UNSET
    decision: bool | UnsetType = UNSET
    context: dict[str, Any] | UnsetType = UNSET


class FoundPage(Struct, frozen=True, kw_only=True):
    """Where a search goes on; the token is empty at its end."""

    next_token: str
    count: int


class Found(Struct, frozen=True, kw_only=True):
    """What a search found: subjects, resources or actions."""

    page: FoundPage
    results: list[dict[str, str]]


class AccessCalls:
    """The part of `GatewayClient` for decision points."""

    _http: Http
    _session: SignedIn

    def access_configuration(self) -> Configuration:
        """Where the gateway says that it answers AuthZEN requests."""
        answer = self._http.call("GET", "/.well-known/authzen-configuration")
        return self._http.decode(answer, Configuration)

    def evaluate_all(self, body: dict[str, Any]) -> list[Decided]:
        """Several AuthZEN evaluations; GatewayUnreachable if the answer is not that of a batch."""
        answer = self._session.call("POST", "/access/v1/evaluations", body=body)
        found = self._http.decode(answer, Evaluations).evaluations
        if found is UNSET:
            raise GatewayUnreachable("the gateway did not answer as to a batch", reason="bad_answer")
        return found

    def search_subjects(self, body: dict[str, Any]) -> list[dict[str, str]]:
        """Who may do what is asked for: the caller, or nobody."""
        return self._found("subject", body)

    def search_resources(self, body: dict[str, Any]) -> list[dict[str, str]]:
        """With what the caller may do it."""
        return self._found("resource", body)

    def search_actions(self, body: dict[str, Any]) -> list[dict[str, str]]:
        """What the caller may do."""
        return self._found("action", body)

    def _found(self, kind: str, body: dict[str, Any]) -> list[dict[str, str]]:
        return [one for page in self._search_pages(kind, body) for one in page.results]

    def _search_pages(self, kind: str, body: dict[str, Any]) -> Iterator[Found]:
        """Every page, up to a bound that no honest gateway reaches."""
        asked = body
        for _ in range(MOST_PAGES):
            answer = self._session.call("POST", f"/access/v1/search/{kind}", body=asked)
            page = self._http.decode(answer, Found)
            yield page
            if not page.page.next_token:
                return
            asked = {**body, "page": {**body.get("page", {}), "token": page.page.next_token}}
        raise GatewayUnreachable("the gateway's search does not end", reason="bad_answer")
