"""A gateway's settings: taken strictly, from one file and the environment, and refused all at once."""

import re
from pathlib import Path

import pytest

from api.gathering import DEFAULT, Gathered, gather
from api.settings import GatewaySettings
from api.settingstext import allowed, example, in_force
from ledger.canonical import canonical
from ledger.errors import InvalidInput

ROOT = Path(__file__).parents[2]
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DEPLOYMENT = {"chain_id": 31337, "block": 1, "registry": ADDRESS, "directory": ADDRESS, "anchor": ADDRESS}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a deployment, and where a settings file may be."""
    (tmp_path / "deployment.json").write_bytes(canonical(DEPLOYMENT))
    return tmp_path


def found(place: Path, text: str, /, **environment: str) -> Gathered:
    """The settings of a file with the least that is needed, and more of it."""
    (place / "settings.toml").write_text(
        f'deployment = "deployment.json"\nrpc = "http://127.0.0.1:1"\n{text}'
    )
    return gather(environment, flags={}, usual={"state": place})


def refusals(place: Path, text: str, /, **environment: str) -> list[str]:
    """What the error says, a line each."""
    with pytest.raises(InvalidInput) as caught:
        found(place, text, **environment)
    assert caught.value.reason == "bad_setting"
    assert "gateway settings --check" in caught.value.fix
    return [line.removeprefix("  - ") for line in caught.value.message.splitlines()[1:]]


class TestOrder:
    def test_a_flag_before_the_environment_before_the_file_before_the_default(self, place: Path) -> None:
        assert found(place, "").settings.port == 8440
        assert found(place, "port = 1").settings.port == 1
        assert found(place, "port = 1", CONSENT_PORT="2").settings.port == 2
        whole = gather({"CONSENT_PORT": "2"}, flags={"port": 3}, usual={"state": place})
        assert whole.settings.port == 3
        assert whole.origins["port"] == "--port"

    def test_every_value_says_where_it_is_from(self, place: Path) -> None:
        origins = found(place, "\nport = 1", CONSENT_LEVEL="final").origins
        assert origins["port"] == f"{place / 'settings.toml'} line 4"
        assert origins["level"] == "CONSENT_LEVEL"
        assert origins["review_days"] == DEFAULT
        assert origins.keys() == GatewaySettings.model_fields.keys()

    def test_the_file_is_named_by_flag_or_variable_or_lies_in_the_state_directory(self, place: Path) -> None:
        other = place / "other.toml"
        found(place, "port = 1")
        other.write_text(f"{(place / 'settings.toml').read_text()}\nreview_days = 2")
        usual = {"state": place}
        assert gather({}, flags={}, usual=usual).settings.review_days == 7
        assert gather({"CONSENT_SETTINGS": str(other)}, flags={}, usual=usual).settings.review_days == 2
        assert gather({}, flags={}, usual=usual, file=other).settings.review_days == 2
        with pytest.raises(InvalidInput):
            gather({}, flags={}, usual=usual, file=place / "none.toml")

    def test_places_in_the_file_start_from_where_it_is(self, place: Path) -> None:
        settings = found(place, 'blocks = "one, http://127.0.0.1:5001"').settings
        assert settings.deployment == place / "deployment.json"
        assert settings.block_places == f"{place / 'one'}, http://127.0.0.1:5001"

    def test_an_empty_variable_says_nothing(self, place: Path) -> None:
        assert found(place, "port = 1", CONSENT_PORT="").settings.port == 1


class TestRefusals:
    def test_all_at_once_each_with_its_place_and_what_is_allowed(self, place: Path) -> None:
        text = 'port = 70000\nprot = 1\nlevel = "deep"\nreview_days = "7"\n'
        told = refusals(place, text, CONSENT_RELAY_BATCH="0", CONSENT_RELAY_DELAY="soon")
        file = place / "settings.toml"
        assert sorted(told) == sorted(
            [
                f"{file} line 4: prot is no setting; did you mean port?",
                f"{file} line 3: port: 70000 cannot be used; allowed is {allowed('port')}",
                f'{file} line 5: level: "deep" cannot be used; allowed is one of seen, safe, final',
                f'{file} line 6: review_days: "7" cannot be used; allowed is a whole number from 1 to 90',
                "CONSENT_RELAY_BATCH: relay_batch: 0 cannot be used; allowed is a whole number from 1 to 300",
                'CONSENT_RELAY_DELAY: relay_delay: "soon" cannot be used; '
                "allowed is a whole number from 0 to 86400, or auto",
            ]
        )

    @pytest.mark.parametrize("text", ["+5", "5_0", "05", "5.0", " 5", "\u0665", "true"])
    def test_a_number_is_written_as_numbers_are(self, text: str, place: Path) -> None:
        assert len(refusals(place, "", CONSENT_RELAY_BATCH=text)) == 1

    @pytest.mark.parametrize("value", ['"5"', "5.0", "true", "[5]", "2026-05-04"])
    def test_in_the_file_too(self, value: str, place: Path) -> None:
        assert len(refusals(place, f"relay_batch = {value}")) == 1

    def test_what_is_no_toml_is_refused_by_its_line(self, place: Path) -> None:
        assert any("line 3: not TOML" in told for told in refusals(place, "port == 1"))

    def test_a_slip_in_a_variable_is_noticed(self, place: Path) -> None:
        (told,) = refusals(place, "", CONSENT_DATABSE_URL="x")
        assert told == "CONSENT_DATABSE_URL: no setting; did you mean CONSENT_DATABASE_URL?"

    def test_variables_of_the_client_and_of_the_tests_are_nobodys_slip(self, place: Path) -> None:
        places = [ROOT / "Makefile", *(ROOT / "cli").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
        names = {name for path in places for name in re.findall(r"\bCONSENT_[A-Z_]+\b", path.read_text())}
        settings = {f"CONSENT_{name.upper()}" for name in GatewaySettings.model_fields}
        others = names - settings - {"CONSENT_SETTINGS", "CONSENT_DATABSE_URL"}
        assert len(others) > 15
        found(place, "", **dict.fromkeys(others, "x"))

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ('host = "0.0.0.0"', "public_url: not given"),
            ('host = "0.0.0.0"\npublic_url = "http://consent.example"', "must be https"),
            ('rpc_file = "deployment.json"', "rpc_file"),
            ("blocks_factor = 2", "2 copies cannot be kept in 1"),
            ('blocks = "a,a"', "blocks"),
            ('blocks_token_file = "none"', "blocks_token_file"),
            ('database_url = "mysql://a/b"', "neither SQLite nor PostgreSQL"),
            ("metrics_port = 8440", "metrics_port: the same as port"),
            ('deployment = "none"', "not TOML"),
        ],
    )
    def test_what_does_not_fit_together_or_is_not_there(self, text: str, name: str, place: Path) -> None:
        assert name in "\n".join(refusals(place, text))

    def test_what_is_needed_is_named_with_how_to_give_it(self, place: Path) -> None:
        with pytest.raises(InvalidInput) as caught:
            gather({}, flags={}, usual={"state": place})
        for name in ("CONSENT_DEPLOYMENT", "CONSENT_RPC"):
            assert name in caught.value.message


SECRET = "s3cr3t"


class TestSecrets:
    @pytest.mark.parametrize(
        "text",
        [
            f'database_url = "postgresql://me:{SECRET}@db/consent"',
            f'database_url = "{SECRET}"',
            f'databse_url = "postgresql://me:{SECRET}@db/consent"',
            f'rpc = "ftp://node.example/{SECRET}"',
            f'{SECRET} = "',
        ],
    )
    def test_no_error_quotes_one(self, text: str, place: Path) -> None:
        (place / "settings.toml").write_text(text)
        with pytest.raises(InvalidInput) as caught:
            gather({}, flags={}, usual={"state": place})
        assert SECRET not in str(caught.value) + caught.value.fix

    def test_what_is_shown_has_none(self, place: Path) -> None:
        key = f"https://node.example/v3/{SECRET}"
        settings = gather(
            {"CONSENT_RPC": key}, flags={"deployment": place / "deployment.json", "state": place}
        )
        assert in_force(settings.settings)["rpc"] == "https://node.example/..."

    def test_a_node_with_a_key_in_its_address_comes_from_a_file(self, place: Path) -> None:
        (place / "rpc").write_text(f"https://one.example/{SECRET}\nhttps://two.example\n")
        (place / "settings.toml").write_text('deployment = "deployment.json"\nrpc_file = "rpc"')
        settings = gather({}, flags={}, usual={"state": place}).settings
        assert settings.rpc_urls == [f"https://one.example/{SECRET}", "https://two.example"]
        assert SECRET not in repr(settings)


class TestExample:
    def test_the_example_is_a_file_that_can_be_used(self, place: Path) -> None:
        (place / "settings.toml").write_text(example())
        assert gather({}, flags={}, usual={"state": place}).settings.port == 8440

    def test_every_setting_is_in_it_with_its_default(self) -> None:
        lines = dict(re.findall(r"^(?:# )?([a-z_]+) = (.*)$", example(), re.MULTILINE))
        assert lines.keys() == GatewaySettings.model_fields.keys()
        for name, field in GatewaySettings.model_fields.items():
            if field.default not in (None, "") and not field.is_required():
                assert lines[name].strip('"') == str(field.default)

    def test_each_of_its_comments_would_be_taken_too(self, place: Path) -> None:
        """But for the files that it names, and for the second way to say the same."""
        whole = re.sub(r"^# ([a-z_]+ = .*)$", r"\1", example(), flags=re.MULTILINE)
        (place / "settings.toml").write_text(whole)
        with pytest.raises(InvalidInput) as caught:
            gather({}, flags={}, usual={"state": place})
        told = caught.value.message.splitlines()[1:]
        assert sorted(re.findall(r" line \d+: ([a-z_]+): ", "\n".join(told))) == [
            "blocks_token_file",
            "rpc_file",
            "rpc_file",
        ]

    def test_no_line_is_too_long_to_read(self) -> None:
        assert max(map(len, example().splitlines())) <= 110


@pytest.mark.parametrize("name", GatewaySettings.model_fields)
def test_every_setting_says_what_it_decides_and_what_is_allowed(name: str) -> None:
    description = GatewaySettings.model_fields[name].description or ""
    assert description.endswith(".")
    assert allowed(name) not in ("", "a text")
