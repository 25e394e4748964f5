"""web3's HTTP provider, giving the bytes of an answer: decoding a large one takes web3 most of the time."""

from itertools import count

import msgspec
from eth_typing import URI
from requests import Session
from web3 import HTTPProvider

from ledger.chain.answers import Answer, Call, answers_in


class RawProvider(HTTPProvider):
    """Asks as web3 does, over web3's session, and only once; requests and answers are packed by msgspec."""

    def __init__(self, url: str, session: Session, timeout: float) -> None:
        """Name the node; no call is made yet."""
        super().__init__(
            url, request_kwargs={"timeout": timeout}, session=session, exception_retry_configuration=None
        )
        self._url = url
        self._ids = count()

    def ask(self, calls: list[Call]) -> list[Answer]:
        """The answers to a batch in one HTTP request, in the order of the calls.

        Raises:
            requests.RequestException, OSError: no answer, or one with an HTTP error.
            ChainUnreachable: (``bad_answer``) not one answer to each call.
        """
        ids = [next(self._ids) for _ in calls]
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in zip(ids, calls, strict=True)
        ]
        body = self._request_session_manager.make_post_request(
            URI(self._url), msgspec.json.encode(asked), **self.get_request_kwargs()
        )
        return answers_in(body, ids)
