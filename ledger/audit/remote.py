"""A log as a gateway shows it over HTTP, to an auditor who signs in."""

from collections.abc import Sequence

from ledger.audit.sources import PAGE, Row
from ledger.client.gateway import GatewayClient
from ledger.client.wire import plain


class GatewaySource:
    """A `LogSource` over a gateway's API.

    The gateway logs that an auditor reads before it gives the first page. So the first page is fetched before
    the checkpoint: what is audited holds the record of this very audit.
    """

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._first: list[Row] = []

    def checkpoint(self) -> str:
        """See `LogSource`.

        Raises:
            GatewayUnreachable: nobody answers.
            Forbidden: the account is not an admitted auditor.
            LedgerError: what else the gateway raised.
        """
        self._first = self._fetch(0, PAGE)
        return self._client.checkpoint()

    def entries(self, start: int, end: int) -> Sequence[Row]:
        """See `LogSource`; raises as `checkpoint` does."""
        if start == 0 and self._first:
            held, self._first = self._first, []
            return [row for row in held if row.index < end]
        return self._fetch(start, end)

    def _fetch(self, start: int, end: int) -> list[Row]:
        return [Row.of(plain(entry)) for entry in self._client.entries(start, end) if entry.index >= 0]
