"""PostgreSQL: which URLs are taken, and what is not said of them."""

import pytest
from sqlalchemy.engine import make_url

from ledger.errors import InvalidInput
from ledger.store.database import Database
from ledger.store.postgres import PostgresServer

DRIVER = "postgresql+psycopg://"


@pytest.mark.parametrize(
    "url",
    [
        f"{DRIVER}ledger:needle@db.example/ledger",
        f"{DRIVER}ledger@db.example/ledger?password=needle",
        f"{DRIVER}:needle@/ledger",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Database(url)
    assert caught.value.reason == "password_in_url"
    assert "needle" not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    "url",
    [
        DRIVER,
        f"{DRIVER}ledger@db.example",
        f"{DRIVER}ledger@db.example/",
        "postgresql+psycopg2://ledger@db.example/ledger",
        "mysql://ledger@db.example/ledger",
    ],
)
def test_what_names_no_database_of_a_known_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Database(url)
    assert caught.value.reason == "bad_database_url"


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        (f"{DRIVER}ledger@db.example/ledger", "verify-full"),
        (f"{DRIVER}ledger@/ledger?host=db.example", "verify-full"),
        (f"{DRIVER}ledger@/ledger?host=/run/postgresql&host=db.example", "verify-full"),
        (f"{DRIVER}ledger@db.example/ledger?sslmode=verify-ca", "verify-ca"),
        (f"{DRIVER}ledger@db.example/ledger?sslmode=disable", "disable"),
        (f"{DRIVER}ledger@127.0.0.1/ledger", None),
        (f"{DRIVER}ledger@/ledger?host=/run/postgresql", None),
        (f"{DRIVER}ledger@/ledger", None),
    ],
)
def test_over_a_network_the_servers_certificate_must_hold_unless_the_url_says_otherwise(
    url: str, mode: str | None
) -> None:
    engine = PostgresServer(make_url(url)).writer
    assert engine.url.query.get("sslmode") == mode
