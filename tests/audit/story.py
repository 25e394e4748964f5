"""The clean story that tests bend."""

from typing import Any

from tests.audit.acts import (
    admitted,
    block_hash,
    block_time,
    decided,
    did,
    ended,
    entry,
    filed,
    opened,
    published,
    recorded,
    released,
    revocation,
    root,
)
from tests.audit.world import World


def story() -> World:
    """Ann shares with the clinic and stops; Bob refuses the lab, then stops a consent on chain by himself."""
    world = World()
    world.events += [
        admitted("gateway", 2),
        admitted("clinic", 1),
        admitted("lab", 1),
        admitted("auditor", 4),
    ]
    world.add("opened", opened())
    labs, psych = root("labs"), root("psych")
    world.add("labs", published("ann", "labs", "30954-2", 4))
    world.add("psych", published("ann", "psych", "11450-4", 5, labels=("PSY",)))
    asked: dict[str, Any] = {
        "request": "rq_" + "0" * 26,
        "state": "proposed",
        "subject": did("clinic"),
        "purpose": ["TREAT"],
        "action": "access",
        "classes": [],
        "expires": (block_time(3) + 86400) * 1000,
    }
    world.add("request", entry("request", 6, patient=did("ann"), **asked))
    world.add("refused", decided("ann", "clinic", 7, "NO_CONSENT"))
    given = world.add("filed", filed("ann", "clinic", "first", 8, excepted=["PSY"]))
    world.events.append(recorded(given, 10))
    world.add("early", decided("ann", "clinic", 9, "NO_CONSENT", records=[labs]))
    basis = [given["consent"]]
    world.add("permit", decided("ann", "clinic", 12, "PERMIT", permitted=[labs], basis=basis))
    world.add("release", released("ann", "clinic", 12, world.names["permit"], [labs]))
    world.add("other", decided("ann", "lab", 13, "NO_CONSENT"))
    world.add("named", decided("ann", "clinic", 14, "DENY", records=[psych], basis=basis))
    world.add("purpose", decided("ann", "clinic", 15, "NO_CONSENT", purpose="HRESCH"))
    world.add("stranger", decided("zoe", "clinic", 16, "NO_CONSENT"), b"\x2a" * 20)
    world.add("bob", published("bob", "bob", "30954-2", 17))
    denied = world.add("denial", filed("bob", "lab", "never", 18, deny=True))
    world.add("denied", decided("bob", "lab", 19, "DENY", records=[root("bob")], basis=[denied["consent"]]))
    shared = world.add("shared", filed("bob", "clinic", "short", 20))
    world.events += [recorded(shared, 22), ended(shared, 30)]
    world.add(
        "bob permit",
        decided("bob", "clinic", 24, "PERMIT", permitted=[root("bob")], basis=[shared["consent"]]),
    )
    world.add(
        "stopped on chain",
        entry(
            "consent.revoked",
            31,
            patient=did("bob"),
            consent=shared["consent"],
            source="chain",
            block={"number": 30, "hash": block_hash(30)},
        ),
    )
    world.add("bob refused", decided("bob", "clinic", 32, "NO_CONSENT"))
    stop = revocation(given["consent"], "ann", "first")
    world.add(
        "stop",
        entry(
            "consent.revoked",
            33,
            patient=did("ann"),
            consent=given["consent"],
            source="gateway",
            signature=stop,
        ),
    )
    world.events.append(ended(given, 40))
    world.add("after stop", decided("ann", "clinic", 34, "NO_CONSENT"))
    world.add("read", entry("log.read", 45, reader=did("auditor"), start=0, end=len(world.lines)))
    world.anchors = {25: 10, 50: 20, 75: 22}
    return world


def permit_of(world: World) -> dict[str, Any]:
    """What the clinic would be permitted under Ann's consent."""
    basis = [world.entry("filed")["consent"]]
    return {"outcome": "PERMIT", "permitted": [root("labs")], "basis": basis}
