"""What an operator decides: every setting of a gateway with its bounds, put together by `api.gathering`."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ledger.errors import InvalidInput
from ledger.records import stores

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECRET = frozenset({"rpc", "database_url"})
"""Settings in which somebody might have put a key or a password: no error says what was found there."""

HOLDING = frozenset({"state", "deployment", "rpc_file", "blocks", "blocks_token_file"})
"""Settings that name places of this machine; in a settings file they start from where that file is."""


class Spoken(dict[str, Any]):
    """What is said of a setting beside its description: an ``example``, and what is ``allowed``."""

    def __init__(self, *, example: str | int = "", allowed: str = "") -> None:
        super().__init__(example=example, allowed=allowed)


URLS = "http or https addresses, with commas between them"


class GatewaySettings(BaseModel):
    """The settings of one gateway, each a member of the settings file and a variable ``CONSENT_<NAME>``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Path = Field(
        description="The directory with keys and database.",
        json_schema_extra=Spoken(example="/var/lib/consent", allowed="a directory"),
    )
    deployment: Path = Field(
        description="The JSON file that names chain and contracts.",
        json_schema_extra=Spoken(example="deployment.json", allowed="a file that 'consent contracts' wrote"),
    )
    rpc: str = Field(
        default="",
        description="JSON-RPC URL of an Ethereum node; several with commas, no two of which may contradict "
        "each other. A URL with a key in it belongs into rpc_file.",
        json_schema_extra=Spoken(example="http://127.0.0.1:8545", allowed=URLS),
    )
    rpc_file: Path | None = Field(
        default=None,
        description="A file with what rpc would say, where that is a secret.",
        json_schema_extra=Spoken(example="/etc/consent/rpc", allowed="a file"),
    )
    host: str = Field(
        default="127.0.0.1",
        description="Where to listen.",
        json_schema_extra=Spoken(allowed="an address of this machine"),
    )
    port: int = Field(default=8440, ge=0, le=65535, description="On which port; 0 takes a free one.")
    public_url: str = Field(
        default="",
        description="The URL that clients use; needed unless host is loopback.",
        json_schema_extra=Spoken(
            example="https://consent.example", allowed="an https address, or one on a loopback host"
        ),
    )
    database_url: str = Field(
        default="",
        description="Another SQLite file than gateway.sqlite in the state directory, or PostgreSQL. The "
        "password stands in a file that passfile=FILE in the URL names, or PGPASSFILE.",
        json_schema_extra=Spoken(
            example="postgresql+psycopg://consent@/consent?host=/run/postgresql&passfile=/etc/consent/pgpass",
            allowed="sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE, without a password",
        ),
    )
    blocks: str = Field(
        default="",
        description="Where records are kept, unless in the state directory: a directory, or a Kubo RPC's "
        "URL; several with commas, each keeping all.",
        json_schema_extra=Spoken(
            example="http://127.0.0.1:5001", allowed="directories or addresses, with commas between them"
        ),
    )
    blocks_factor: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="How many of those places must take each block; all of them if not set.",
        json_schema_extra=Spoken(example=1),
    )
    blocks_token_file: Path | None = Field(
        default=None,
        description="The file with the token that a Kubo among them asks for.",
        json_schema_extra=Spoken(example="/etc/consent/kubo-token", allowed="a file of mode 0600"),
    )
    level: Literal["seen", "safe", "final"] = Field(
        default="seen", description="How deep a consent must be on chain before it permits."
    )
    max_head_age: Annotated[int, Field(ge=2, le=86400)] | Literal["auto"] = Field(
        default="auto",
        description="Seconds after which the last block is too old to decide on; auto is the network's own.",
    )
    relay_delay: Annotated[int, Field(ge=0, le=86400)] | Literal["auto"] = Field(
        default="auto",
        description="Seconds that a recording waits at most; auto is none on a local chain, 600 elsewhere.",
    )
    relay_batch: int = Field(
        default=100, ge=1, le=300, description="How many recordings travel in one transaction at most."
    )
    relay_max_fee: int = Field(
        default=1000, ge=1, le=1_000_000, description="Gwei per gas that nothing ever offers more than."
    )
    relay_acts_per_hour: int = Field(
        default=120, ge=1, description="How many consents of one patient are recorded within an hour at most."
    )
    relay_gas_per_day: int = Field(
        default=1_000_000_000,
        ge=1_000_000,
        description="Gas used in 24 hours after which nothing is sent but stops.",
    )
    emergencies_per_day: int = Field(
        default=20, ge=0, description="How many emergencies one provider may declare within 24 hours."
    )
    review_days: int = Field(
        default=7, ge=1, le=90, description="Within how many days somebody must review an emergency."
    )
    webhook_allow: str = Field(
        default="",
        description="Hosts with their port that webhooks may name though they are not public.",
        json_schema_extra=Spoken(
            example="hooks.hospital.lan:8443", allowed="HOST:PORT in lower case, with commas between them"
        ),
    )
    key_backup_days: int = Field(
        default=30,
        ge=0,
        le=30,
        description="For how many days backups of the data key store are kept; patients are told when they "
        "erase.",
    )
    anchor_interval: int = Field(
        default=60, ge=1, le=86400, description="Seconds between anchors while the log grows."
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Where /metrics listens; never behind the proxy of the public address.",
        json_schema_extra=Spoken(allowed="an address of this machine"),
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None,
        description="On which port Prometheus finds /metrics; not set, nothing listens.",
        json_schema_extra=Spoken(example=9440),
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="From where on the log tells; info has one line for each request.",
    )
    drain_seconds: int = Field(
        default=0,
        ge=0,
        le=300,
        description="How long /readyz says 503 before a gateway that is told to stop hangs up; as long as a "
        "load balancer needs to notice.",
    )
    stop_seconds: int = Field(
        default=10, ge=1, le=300, description="How long requests under way may then take to finish."
    )

    @field_validator("public_url")
    @classmethod
    def _https_off_loopback(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and not (parts.hostname and parts.scheme in ("http", "https")):
            raise ValueError("is not an https address")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must be https, or on a loopback host")
        return url.rstrip("/")

    @field_validator("webhook_allow")
    @classmethod
    def _each_with_its_port(cls, hosts: str) -> str:
        for authority in _listed(hosts):
            host, colon, port = authority.rpartition(":")
            if not (host and colon and port.isdecimal()) or host != host.lower():
                raise ValueError("has a host that is not in lower case, or one without its port")
        return hosts

    @property
    def webhook_authorities(self) -> frozenset[str]:
        """The hosts that webhooks may name though they are not public, each with its port."""
        return frozenset(_listed(self.webhook_allow))

    @field_validator("rpc")
    @classmethod
    def _node_urls(cls, text: str) -> str:
        if not all(_is_http(url) for url in _listed(text)):
            raise ValueError("is not a list of http or https addresses")
        return text

    @field_validator("database_url")
    @classmethod
    def _no_password(cls, text: str) -> str:
        if not text:
            return text
        try:
            url = make_url(text)
        except ArgumentError as exc:
            raise ValueError("is no database URL") from exc
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError("is neither SQLite nor PostgreSQL")
        if url.password is not None or "password" in url.query:
            raise ValueError("has a password in it")
        return text

    @field_validator("blocks")
    @classmethod
    def _places(cls, text: str) -> str:
        try:
            if text:
                stores.places(text)
        except InvalidInput as exc:
            raise ValueError(exc.message) from exc
        return text

    @property
    def rpc_urls(self) -> list[str]:
        """The nodes, in the order in which they are preferred.

        Raises:
            InvalidInput: `rpc_file` cannot be read, or names none.
        """
        return _listed(self.rpc) if self.rpc_file is None else read_rpc(self.rpc_file)

    @property
    def block_places(self) -> str:
        """Where blocks are: in the state directory unless said otherwise."""
        return self.blocks or str(self.state / "blocks")

    @property
    def database(self) -> str:
        """The database URL: SQLite in the state directory unless one is given."""
        return self.database_url or f"sqlite:///{self.state / 'gateway.sqlite'}"


def read_rpc(path: Path) -> list[str]:
    """The nodes that a file names, with commas or on lines of their own.

    Raises:
        InvalidInput: it cannot be read, or does not hold http or https addresses.
    """
    try:
        found = _listed(path.read_text("utf-8").replace("\n", ","))
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput("the file with the nodes' addresses cannot be read", reason="bad_setting") from exc
    if not found or not all(_is_http(url) for url in found):
        raise InvalidInput(f"{path} does not hold {URLS}", reason="bad_setting")
    return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
