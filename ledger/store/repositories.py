"""All repositories of a gateway, over one vault."""

from dataclasses import dataclass
from typing import Self

from ledger.log.entry import NO_PATIENT
from ledger.store.access import AccessStore
from ledger.store.consents import ConsentStore
from ledger.store.departures import DepartureStore
from ledger.store.emergencies import EmergencyStore
from ledger.store.erasures import ErasureStore
from ledger.store.machines import MachineStore
from ledger.store.news import NewsStore
from ledger.store.patients import PatientStore
from ledger.store.profiles import ProfileStore
from ledger.store.records import RecordStore
from ledger.store.replies import ReplyStore
from ledger.store.requests import RequestStore
from ledger.store.uploads import UploadStore
from ledger.store.vault import Vault
from ledger.store.webhooks import WebhookStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Repositories:
    """The repositories, all on one vault."""

    patients: PatientStore
    records: RecordStore
    consents: ConsentStore
    requests: RequestStore
    emergencies: EmergencyStore
    access: AccessStore
    profiles: ProfileStore
    departures: DepartureStore
    erasures: ErasureStore
    uploads: UploadStore
    machines: MachineStore
    replies: ReplyStore
    news: NewsStore
    webhooks: WebhookStore

    @classmethod
    def on(cls, vault: Vault) -> Self:
        """Every repository over `vault`."""
        return cls(
            patients=PatientStore(vault),
            records=RecordStore(vault),
            consents=ConsentStore(vault),
            requests=RequestStore(vault),
            emergencies=EmergencyStore(vault),
            access=AccessStore(vault, NO_PATIENT),
            profiles=ProfileStore(),
            departures=DepartureStore(vault),
            erasures=ErasureStore(),
            uploads=UploadStore(),
            machines=MachineStore(),
            replies=ReplyStore(vault, NO_PATIENT),
            news=NewsStore(),
            webhooks=WebhookStore(vault, NO_PATIENT),
        )
