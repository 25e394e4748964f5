"""What is deployed fits the program: files for systemd, containers and Prometheus name only what there is.

No engine is at hand that could run them, so they are read.
"""

import configparser
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from typer.core import TyperCommand

from api.settings import GatewaySettings
from cli.main import tree
from tests.cli.support import commands
from tests.network import Network

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "api" / "deploy"
SETTINGS = tomllib.loads((DEPLOY / "settings.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
CONTAINERFILE = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
COMMANDS = dict(commands(tree()))


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((DEPLOY / "consent-gateway.service").read_text())
    return parser


def require_command(words: list[str]) -> dict[str, str]:
    """Nothing but a command of ours with options that it has; its options."""
    path = "consent"
    rest = list(words)
    while rest and f"{path} {rest[0]}" in COMMANDS:
        path = f"{path} {rest.pop(0)}"
    command = COMMANDS[path]
    assert isinstance(command, TyperCommand)
    known = {name for parameter in command.params for name in parameter.opts}
    given = [word for word in rest if word.startswith("--")]
    assert set(given) <= known
    return {option: rest[rest.index(option) + 1] for option in given}


class TestUnit:
    def test_it_starts_a_command_that_there_is(self) -> None:
        program, *words = shlex.split(unit()["Service"]["ExecStart"])
        assert program.endswith("/bin/consent")
        assert require_command(words)["--settings"] == "/etc/consent/settings.toml"

    def test_it_waits_longer_than_a_gateway_may_take_to_stop(self) -> None:
        bounds = GatewaySettings.model_fields
        usual = bounds["drain_seconds"].default + bounds["stop_seconds"].default
        ours = SETTINGS["drain_seconds"] + SETTINGS["stop_seconds"]
        assert int(unit()["Service"]["TimeoutStopSec"]) >= 2 * max(usual, ours)

    def test_it_may_write_nowhere_but_into_its_state(self) -> None:
        service = unit()["Service"]
        assert service["ProtectSystem"] == "strict"
        assert service["StateDirectoryMode"] == "0700"
        assert service["User"] != "root"
        assert service["CapabilityBoundingSet"] == ""
        assert f"/var/lib/{service['StateDirectory']}" in service["ExecStart"]
        assert service["Type"] == "notify"


class TestContainer:
    def test_every_image_is_named_by_a_whole_version(self) -> None:
        images = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
        images += [one["image"] for one in COMPOSE["services"].values()]
        assert len(images) == 5
        assert all(re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z-]+)?$", image) for image in images)

    def test_it_runs_as_somebody_who_may_nothing(self) -> None:
        assert re.search(r"^USER 10001:10001$", CONTAINERFILE, re.MULTILINE)
        assert CONTAINERFILE.index("USER 10001") > CONTAINERFILE.rindex("RUN ")

    def test_what_it_copies_and_starts_is_there(self) -> None:
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE):
            assert all((ROOT / name).exists() for name in line.split())
        (words,) = re.findall(r"^CMD (\[.+\])$", CONTAINERFILE, re.MULTILINE)
        require_command(yaml.safe_load(words))
        variables = set(re.findall(r"\bCONSENT_([A-Z_]+)=", CONTAINERFILE))
        assert variables <= {name.upper() for name in GatewaySettings.model_fields}

    def test_its_health_is_asked_where_it_listens(self) -> None:
        assert f"EXPOSE {SETTINGS['port']}" in CONTAINERFILE
        assert f"http://127.0.0.1:{SETTINGS['port']}/healthz" in CONTAINERFILE


class TestCompose:
    services: dict[str, Any] = COMPOSE["services"]

    def test_its_settings_are_settings(self) -> None:
        given = {**SETTINGS, "state": Path(SETTINGS["state"]), "deployment": Path(SETTINGS["deployment"])}
        settings = GatewaySettings(**given)
        assert not settings.rpc
        assert "password" not in settings.database_url

    def test_every_file_that_the_settings_name_is_brought_in(self) -> None:
        gateway = self.services["gateway"]
        mounted = {volume.split(":")[1] for volume in gateway["volumes"]}
        mounted |= {f"/run/secrets/{name}" for name in gateway["secrets"]}
        passfile = re.findall(r"passfile=([^&]+)", SETTINGS["database_url"])
        socket = re.findall(r"host=([^&]+)", SETTINGS["database_url"])
        named = [SETTINGS[name] for name in ("state", "deployment", "rpc_file")]
        assert {*named, *passfile, *socket} <= mounted
        assert socket[0] in str(self.services["database"]["volumes"])

    def test_nothing_is_published_but_the_gateway_on_loopback(self) -> None:
        published = {name: one["ports"] for name, one in self.services.items() if "ports" in one}
        assert published == {"gateway": [f"127.0.0.1:{SETTINGS['port']}:{SETTINGS['port']}"]}

    def test_database_and_blocks_are_in_no_network_of_their_own(self) -> None:
        assert self.services["database"]["network_mode"] == "none"
        assert "listen_addresses=" in self.services["database"]["command"]
        assert self.services["kubo"]["network_mode"] == "service:gateway"
        assert SETTINGS["blocks"].startswith("http://127.0.0.1:")
        assert "/container-init.d/private.sh" in str(self.services["kubo"]["volumes"])

    def test_no_secret_is_in_an_environment(self) -> None:
        for one in self.services.values():
            for name in one.get("environment", {}):
                assert not re.search("PASSWORD|TOKEN|KEY|SECRET", name) or name.endswith("_FILE")
        assert all(set(one) == {"file"} for one in COMPOSE["secrets"].values())
        used = {name for one in self.services.values() for name in one.get("secrets", [])}
        assert used == set(COMPOSE["secrets"])

    @pytest.mark.parametrize("name", services)
    def test_every_service_may_as_little_as_it_can(self, name: str) -> None:
        service = self.services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        grace = int(service["stop_grace_period"].removesuffix("s"))
        assert grace > SETTINGS["drain_seconds"] + SETTINGS["stop_seconds"]


class TestAlerts:
    def test_every_rule_asks_for_what_there_is(self, network: Network) -> None:
        registry = CollectorRegistry()
        for collector in network.stack.server.collectors:
            registry.register(collector)
        known: set[str] = set()
        for family in text_string_to_metric_families(generate_latest(registry).decode()):
            known |= {family.name, f"{family.name}_total", f"{family.name}_bucket"}
        rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
        assert len(rules) >= 15
        for rule in rules:
            named = set(re.findall(r"\bconsent_[a-z_]+", rule["expr"]))
            assert named
            assert named <= known | {"consent_log_anchor_age_seconds"}, rule["alert"]
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"].endswith(".")


def test_the_drill_runs_commands_that_there_are() -> None:
    lines = re.findall(r"^consent (.+)$", (DEPLOY / "drill.sh").read_text(), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        require_command([word for word in shlex.split(line) if word != "$@"])
