"""Whose records are published, and how: the port of `publishing`, and a patient's own records behind it."""

from collections.abc import Sequence
from typing import Any, Protocol

from ledger.canonical import b64, hexed
from ledger.client.context import Context
from ledger.client.keys import CompartmentKeys
from ledger.ids import Did, word
from ledger.records.header import RecordHeader
from ledger.records.publish import Place, Published


class Outbox(Protocol):
    """The way of one writer's records to one patient. A writer need not be able to open what it seals."""

    @property
    def patient(self) -> Did:
        """Whose records they are."""

    @property
    def purposes(self) -> tuple[str, ...]:
        """What the records are added for, if by somebody else than the patient."""

    def place(self, header: RecordHeader) -> Place:
        """To what the key of a record under this header is sealed now; the key is verified.

        Raises:
            SignatureInvalid, ProofInvalid: the gateway names a key that is not this patient's, or no more.
            GatewayUnreachable: nobody answers.
        """

    def has_ended(self, record: Published) -> bool:
        """Whether the epoch that a record is sealed to is known to have ended, whatever a gateway says."""

    def refresh(self) -> None:
        """Ask again for the places: a stop has ended an epoch. Raises as `place`."""

    def send(self, batch: Sequence[Published]) -> None:
        """Sign for records whose blocks are stored, and publish all of them or none. Again is success.

        Args:
            batch: of this patient, at most `records.publish.MOST_RECORDS`, which together fit a request.

        Raises:
            Conflict: ``epoch_ended``: `refresh`, and seal all keys again. Nothing was published.
            GatewayUnreachable: nobody knows whether they are published; send the same again.
            LedgerError: refused; nothing was published.
        """


def submission(context: Context, one: Published) -> dict[str, Any]:
    """A record in the form in which it is sent to a gateway, signed by whoever acts."""
    digest = one.publication().digest(context.records_domain)
    return {
        "root": one.root,
        "header": one.header.to_bytes().decode(),
        "capsule": b64(one.capsule),
        "compartment": word(one.compartment),
        "epoch": one.epoch,
        "signature": hexed(context.account.sign(digest)),
    }


class OwnOutbox:
    """The `Outbox` of a patient for their own records, sealed to their own compartments."""

    def __init__(self, context: Context, keys: CompartmentKeys) -> None:
        """`keys` are loaded."""
        self._context = context
        self._keys = keys
        self._places: dict[bytes, Place] = {}

    @property
    def patient(self) -> Did:
        """See `Outbox.patient`."""
        return self._context.did

    @property
    def purposes(self) -> tuple[str, ...]:
        """See `Outbox.purposes`: a patient declares none."""
        return ()

    def place(self, header: RecordHeader) -> Place:
        """See `Outbox.place`; what is missing of the compartment's keys is deposited."""
        compartment = header.compartment
        if compartment not in self._places:
            epoch = self._keys.ensure(header.record_class, header.labels)
            public = self._keys.public(compartment, epoch)
            self._places[compartment] = Place(epoch=epoch, public_key=public)
        return self._places[compartment]

    def has_ended(self, record: Published) -> bool:
        """See `Outbox.has_ended`."""
        return self._keys.has_ended(record.compartment, record.epoch)

    def refresh(self) -> None:
        """See `Outbox.refresh`."""
        self._keys.load()
        self._places.clear()

    def send(self, batch: Sequence[Published]) -> None:
        """See `Outbox.send`."""
        self._context.gateway.publish([submission(self._context, one) for one in batch])
