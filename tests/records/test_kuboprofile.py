"""What in a node's config counts as open to others."""

from typing import Any

import pytest

from ledger.records.kuboprofile import commands, findings

URL = "http://127.0.0.1:5001"
PRIVATE: dict[str, Any] = {
    "Addresses": {"API": "/ip4/127.0.0.1/tcp/5001", "Gateway": "/ip4/127.0.0.1/tcp/8080", "Swarm": []},
    "API": {"HTTPHeaders": {}},
    "Provide": {"Enabled": False},
    "Routing": {"Type": "none"},
    "AutoConf": {"Enabled": False},
    "Bootstrap": None,
    "Discovery": {"MDNS": {"Enabled": False}},
    "Swarm": {"DisableNatPortMap": True},
    "AutoTLS": {"Enabled": False},
    "Plugins": {"Plugins": {"telemetry": {"Config": {"Mode": "off"}}}},
    "Datastore": {
        "HashOnRead": True,
        "BlockKeyCacheSize": 0,
        "Spec": {"mounts": [{"type": "flatfs", "sync": True}]},
    },
}


def changed(section: str, **values: object) -> dict[str, Any]:
    return {**PRIVATE, section: {**PRIVATE[section], **values}}


def test_the_private_profile_has_no_finding() -> None:
    assert findings(PRIVATE, URL) == []


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        (changed("Addresses", API="/ip4/0.0.0.0/tcp/5001"), "Addresses.API"),
        (changed("Addresses", API="/ip6/::/tcp/5001"), "Addresses.API"),
        (changed("Addresses", API="/dns/node.example/tcp/5001"), "Addresses.API"),
        (changed("Addresses", API=["/ip4/127.0.0.1/tcp/5001", "/ip4/10.0.0.7/tcp/5001"]), "Addresses.API"),
        (changed("Addresses", Gateway="/ip4/192.168.1.2/tcp/8080"), "Addresses.Gateway"),
        (changed("API", HTTPHeaders={"access-control-allow-origin": ["*"]}), "API.HTTPHeaders"),
        ({**PRIVATE, "Provide": {}, "Routing": {}}, "Provide.Enabled"),
        ({**PRIVATE, "Provide": {"Enabled": True}, "Routing": {"Type": "auto"}}, "Provide.Enabled"),
    ],
)
def test_what_exposes_a_node_comes_first_with_its_command(config: dict[str, Any], setting: str) -> None:
    first, *_ = findings(config, URL)
    assert (first.setting, first.exposed) == (setting, True)
    assert first.command.startswith("ipfs config ")
    assert setting in first.command


@pytest.mark.parametrize(
    "api", ["/unix/run/kubo.sock", "/ip6/::1/tcp/5001", "/dns/localhost/tcp/1", "", None]
)
def test_an_rpc_on_this_machine_alone_is_no_finding(api: str | None) -> None:
    assert findings(changed("Addresses", API=api), URL) == []


def test_an_rpc_that_is_reached_from_elsewhere_is_open_whatever_its_config_says() -> None:
    (found,) = findings(PRIVATE, "http://10.0.0.7:5001")
    assert (found.setting, found.exposed) == ("Addresses.API", True)


GUARDED = changed("API", Authorizations={"ours": {"AuthSecret": "bearer:x", "AllowedPaths": ["/api/v0"]}})


def test_an_rpc_that_asks_for_a_token_may_be_reached_from_elsewhere() -> None:
    listening = {**GUARDED, "Addresses": {**PRIVATE["Addresses"], "API": "/ip4/0.0.0.0/tcp/5001"}}
    assert findings(listening, "https://kubo.example:5001") == []
    (found,) = findings(listening, "http://10.0.0.7:5001")
    assert (found.setting, found.exposed) == ("Addresses.API", False)
    assert "in clear" in found.why


def test_a_token_for_the_rpc_does_not_close_the_gateway() -> None:
    config = {**GUARDED, "Addresses": {**PRIVATE["Addresses"], "Gateway": "/ip4/0.0.0.0/tcp/8080"}}
    assert [one.setting for one in findings(config, URL) if one.exposed] == ["Addresses.Gateway"]


@pytest.mark.parametrize(
    "config",
    [
        changed("Datastore", HashOnRead=False),
        changed("Datastore", BlockKeyCacheSize=None),
        changed("Datastore", Spec={"mounts": [{"type": "flatfs", "sync": False}]}),
        changed("Addresses", Swarm=["/ip4/0.0.0.0/tcp/4001"]),
        {**PRIVATE, "Bootstrap": ["auto"]},
        {**PRIVATE, "Provide": {"Enabled": True}},
        {**PRIVATE, "AutoConf": {}},
    ],
)
def test_what_is_only_unwise_exposes_nobody(config: dict[str, Any]) -> None:
    (found,) = findings(config, URL)
    assert not found.exposed


def test_a_node_as_it_comes_is_exposed() -> None:
    assert any(one.exposed for one in findings({}, URL))


def test_the_command_for_a_datastore_keeps_what_else_it_has() -> None:
    mounts = [{"type": "flatfs", "path": "elsewhere", "sync": False}, {"type": "levelds"}]
    (found,) = findings(changed("Datastore", Spec={"mounts": mounts}), URL)
    assert '"path": "elsewhere", "sync": true' in found.command
    assert "levelds" in found.command


def test_every_command_of_the_profile_says_why() -> None:
    made = commands()
    assert len(dict(made)) == len(made)
    assert all(command.startswith("ipfs ") and why for command, why in made)
