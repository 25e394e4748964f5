"""web3's HTTP provider, giving the bytes of an answer: decoding a large one takes web3 most of the time."""

import time
from itertools import count

import msgspec
import requests
import urllib3.exceptions as faults
from eth_typing import URI
from requests import Response, Session
from web3 import HTTPProvider

from ledger.chain.answers import Answer, Call, answers_in

MOST_BYTES = 2**29
"""No answer is read further than this."""
_PATIENCE = 3
_PIECE = 2**18


class RawProvider(HTTPProvider):
    """Asks as web3 does, over web3's session, and only once; requests and answers are packed by msgspec."""

    def __init__(self, url: str, session: Session, timeout: float) -> None:
        """Name the node; no call is made yet."""
        super().__init__(
            url,
            request_kwargs={"timeout": timeout, "allow_redirects": False},
            session=session,
            exception_retry_configuration=None,
        )
        self._url = url
        self._timeout = timeout
        self._ids = count()

    def ask(self, calls: list[Call]) -> list[Answer]:
        """The answers to a batch in one HTTP request, in the order of the calls.

        A node may take three times as long to end an answer as to begin it.

        Raises:
            requests.RequestException, OSError: no answer, or one with an HTTP error.
            ChainUnreachable: (``bad_answer``) not one answer to each call.
        """
        ids = [next(self._ids) for _ in calls]
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in zip(ids, calls, strict=True)
        ]
        deadline = time.monotonic() + _PATIENCE * self._timeout
        with self._request_session_manager.get_response_from_post_request(
            URI(self._url), data=msgspec.json.encode(asked), stream=True, **self.get_request_kwargs()
        ) as response:
            response.raise_for_status()
            body = _read(response, deadline)
        return answers_in(body, ids)


def _read(response: Response, deadline: float) -> bytes:
    """The whole body, if it comes in time."""
    pieces, size = [], 0
    try:
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES or time.monotonic() > deadline:
                raise requests.ReadTimeout
    except faults.ReadTimeoutError:
        raise requests.ReadTimeout from None
    except faults.DecodeError:
        raise requests.exceptions.ContentDecodingError from None
    except faults.HTTPError:
        raise requests.exceptions.ChunkedEncodingError from None
    return b"".join(pieces)
