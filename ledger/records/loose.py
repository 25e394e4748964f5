"""Resources as any FHIR file has them: one resource, or a bundle of whatever it holds.

For looking at, not for publishing: nothing is demanded of whom they are about, which `read_bundle` does.
"""

from typing import Any

from ledger.canonical import parse_json
from ledger.errors import BundleRejected, InvalidInput, TooLarge
from ledger.records.bundle import MAX_BUNDLE
from ledger.records.resources import Resource, Resources


def read_loose(raw: bytes) -> Resources:
    """The resources in a FHIR JSON text, in its order.

    Raises:
        BundleRejected: ``not_json``; ``not_fhir`` (neither a resource nor a bundle of resources).
        TooLarge: more than 128 MiB.
    """
    try:
        value = parse_json(raw, limit=MAX_BUNDLE)
    except TooLarge as exc:
        raise TooLarge(f"at most {MAX_BUNDLE} bytes are looked at", fix="Split the file.") from exc
    except InvalidInput as exc:
        raise BundleRejected(f"this cannot be read: {exc.message}", reason="not_json") from exc
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        entries = value.get("entry", [])
        if isinstance(entries, list):
            return of_values(entries)
    return of_values([{"resource": value}])


def of_values(entries: list[Any]) -> Resources:
    """The resources of the entries of a bundle; entries without one (a deletion) are left out.

    Raises:
        BundleRejected: ``not_fhir``, with the field ``entry``.
    """
    found: list[Resource] = []
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) and "resource" not in entry:
            continue
        value = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
            raise BundleRejected(
                f"resource {index} is no FHIR resource: it has no resourceType",
                reason="not_fhir",
                entry=index,
            )
        found.append(_resource(index, entry, value))
    return Resources(resources=tuple(found))


def _resource(index: int, entry: dict[str, Any], value: dict[str, Any]) -> Resource:
    kind, identity, full_url = value["resourceType"], value.get("id"), entry.get("fullUrl")
    known = identity if isinstance(identity, str) and identity else None
    place = full_url if isinstance(full_url, str) and full_url else f"entry:{index}"
    return Resource(index=index, type=kind, id=known, full_url=place, raw=b"", value=value)
