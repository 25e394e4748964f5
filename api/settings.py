"""Settings of a gateway: environment variables ``CONSENT_*``, over defaults, checked all at once at start."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class GatewaySettings(BaseSettings):
    """What an operator decides.

    state: the directory with keys and database.
    blocks: where records are kept: a directory, or a Kubo RPC's URL; several with commas, each keeping all.
    blocks_factor: how many of those places must take each block; all of them if not set.
    blocks_token_file: the file with the token that a Kubo among them asks for.
    rpc: JSON-RPC URL of an Ethereum node; several with commas, and no two of them may contradict each other.
    deployment: the JSON file that names chain and contracts.
    host, port: where to listen; port 0 takes a free one.
    max_head_age: seconds after which the last block is too old to decide on; ``auto`` is the network's own.
    public_url: the URL that clients use; needed, and https, unless the host is loopback.
    emergencies_per_day: how many emergencies one provider may declare within 24 hours.
    review_days: how soon somebody must review an emergency.
    webhook_allow: hosts with their port that webhooks may name though they are not public, with commas.
    key_backup_days: how long backups of the data key store are kept; patients are told when they erase.
    relay_delay: seconds that a recording waits at most; ``auto`` is none on a local chain, 600 elsewhere.
    relay_batch: how many recordings travel in one transaction at most.
    relay_max_fee: gwei per gas that nothing ever offers more than.
    relay_acts_per_hour: how many consents of one patient are recorded within an hour at most.
    relay_gas_per_day: gas used in 24 hours after which nothing is sent but stops.
    """

    model_config = SettingsConfigDict(env_prefix="CONSENT_", extra="ignore")

    state: Path
    rpc: str
    deployment: Path
    blocks: str = ""
    blocks_factor: Annotated[int, Field(ge=1)] | None = None
    blocks_token_file: Path | None = None
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8440, ge=0, le=65535)
    public_url: str = ""
    level: Literal["seen", "safe", "final"] = "seen"
    max_head_age: Annotated[int, Field(ge=2, le=86400)] | Literal["auto"] = "auto"
    relay_delay: Annotated[int, Field(ge=0, le=86400)] | Literal["auto"] = "auto"
    relay_batch: int = Field(default=100, ge=1, le=300)
    relay_max_fee: int = Field(default=1000, ge=1, le=1_000_000)
    relay_acts_per_hour: int = Field(default=120, ge=1)
    relay_gas_per_day: int = Field(default=1_000_000_000, ge=1_000_000)
    emergencies_per_day: int = Field(default=20, ge=0)
    review_days: int = Field(default=7, ge=1, le=90)
    webhook_allow: str = ""
    key_backup_days: int = Field(default=30, ge=0, le=30)
    anchor_interval: int = Field(default=60, ge=1, le=86400)

    @field_validator("public_url")
    @classmethod
    def _https_off_loopback(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme != "https" and parts.hostname not in LOOPBACK):
            raise ValueError("must be https, or on a loopback host")
        return url.rstrip("/")

    @field_validator("webhook_allow")
    @classmethod
    def _each_with_its_port(cls, hosts: str) -> str:
        for authority in _listed(hosts):
            host, colon, port = authority.rpartition(":")
            if not (host and colon and port.isdecimal()) or host != host.lower():
                raise ValueError(
                    "must be hosts in lower case with their ports, such as hooks.hospital.lan:8443"
                )
        return hosts

    @property
    def webhook_authorities(self) -> frozenset[str]:
        """The hosts that webhooks may name though they are not public, each with its port."""
        return frozenset(_listed(self.webhook_allow))

    @property
    def rpc_urls(self) -> list[str]:
        """The nodes, in the order in which they are preferred."""
        return _listed(self.rpc)

    @property
    def block_places(self) -> str:
        """Where blocks are: in the state directory unless said otherwise."""
        return self.blocks or str(self.state / "blocks")

    @property
    def database(self) -> str:
        """The database URL: SQLite in the state directory unless one is given."""
        return self.database_url or f"sqlite:///{self.state / 'gateway.sqlite'}"


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
