"""A gateway's settings as texts: what each allows, an example of the file, those in force without secrets."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from api.settings import GatewaySettings
from ledger.chain.rpc import shown

_HEAD = """\
# Settings of a consent gateway. Every line has a variable CONSENT_<NAME> too, which comes first; flags of
# 'consent serve' come before both. Places start from the directory of this file. Secrets stand in files of
# their own, which settings name. Look with: consent gateway settings --check --settings FILE
"""


@cache
def schema() -> Mapping[str, Any]:
    """The settings as a JSON schema."""
    return GatewaySettings.model_json_schema()


def allowed(name: str) -> str:
    """What may stand for a setting, in words."""
    shape = schema()["properties"][name]
    return str(shape.get("allowed") or _allowed(shape))


def example() -> str:
    """A settings file with every setting, explained; what has a default stands as a comment."""
    model = schema()
    parts = [_HEAD]
    for name, shape in model["properties"].items():
        needed = name in model["required"] or name == "rpc"
        value = shape.get("example") or shape.get("default")
        line = f"{'' if needed else '# '}{name} = {json.dumps(value, ensure_ascii=False)}"
        parts.append(
            "\n".join(
                [
                    *_comment(f"{shape['description']} Allowed: {allowed(name)}. {_default(shape, needed)}"),
                    line,
                ]
            )
        )
    return "\n\n".join([parts[0].rstrip("\n"), *parts[1:]]) + "\n"


def in_force(settings: GatewaySettings) -> Mapping[str, str]:
    """Every setting with its value as text; of nodes no more than where they are, for a URL may be a key."""
    found = {name: _text(getattr(settings, name)) for name in GatewaySettings.model_fields}
    nodes = [url.strip() for url in settings.rpc.split(",") if url.strip()]
    return {**found, "rpc": ", ".join(shown(url) for url in nodes)}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _default(shape: Mapping[str, Any], needed: bool) -> str:
    if needed:
        return "Needed."
    default = shape.get("default")
    return "Not set by default." if default in (None, "") else f"Default: {default}."


def _comment(text: str) -> list[str]:
    """The text in lines of at most 110 characters."""
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > 110:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def _allowed(shape: Mapping[str, Any]) -> str:
    if "anyOf" in shape:
        return ", or ".join(_allowed(part) for part in shape["anyOf"] if part.get("type") != "null")
    if "enum" in shape:
        return f"one of {', '.join(map(str, shape['enum']))}"
    if "const" in shape:
        return str(shape["const"])
    if shape.get("type") != "integer":
        return "a text"
    low, high = shape.get("minimum"), shape.get("maximum")
    if high is None:
        return "a whole number" if low is None else f"a whole number from {low} on"
    return f"a whole number from {low} to {high}"
