"""One case, answered by the engine and by the second evaluator in one form; the smallest that differs."""

import copy
from collections.abc import Iterator
from typing import Any

from ledger.errors import InvalidInput
from ledger.policy.compiler import CompiledConsent
from ledger.policy.engine import decide
from ledger.policy.explain import RecordTrace, explain
from ledger.policy.model import Decision
from tests.policy import naive
from tests.policy.corpus import compiled, facts, laid_out, request, traced
from tests.policy.randoms import World

Json = dict[str, Any]


def by_engine(case: World) -> tuple[Json, list[RecordTrace]]:
    """The engine's answer, and its traces as they are."""
    consents = compiled(case.documents)
    try:
        asked = request(case.request)
    except InvalidInput as refused:
        return {"refused": refused.reason}, []
    records = [facts(record) for record in case.records]
    traces = [explain(consents, asked, record) for record in records]
    return _answer(decide(consents, asked, records), traces, consents), traces


def _answer(decision: Decision, traces: list[RecordTrace], consents: list[CompiledConsent]) -> Json:
    place = {consent.id: index for index, consent in enumerate(consents)}
    return {
        "outcome": str(decision.outcome),
        "basis": [place[consent] for consent in decision.basis],
        "obligations": {item.id: list(item.records) for item in decision.obligations},
        "records": {
            record.id: {
                "outcome": str(record.outcome),
                "basis": [place[consent] for consent in record.basis],
                "reason": record.reason,
                "trace": traced(trace),
                "explained": (str(trace.outcome), trace.reason) == (str(record.outcome), record.reason),
            }
            for record, trace in zip(decision.records, traces, strict=True)
        },
    }


def by_naive(case: World) -> Json:
    """The second evaluator's answer."""
    reason = naive.refusal(case.request)
    if reason:
        return {"refused": reason}
    said = {record["id"]: naive.decide(case.documents, case.request, record) for record in case.records}
    outcome, basis = naive.together(list(said.values()))
    opened = [record for record in case.records if said[record["id"]].outcome == "PERMIT"]
    return {
        "outcome": outcome,
        "basis": basis,
        "obligations": naive.owed(opened),
        "records": {name: found._asdict() | {"explained": True} for name, found in said.items()},
    }


def as_json(case: World) -> Json:
    return {"documents": case.documents, "request": case.request, "records": case.records}


def differs(case: World) -> bool:
    return by_engine(case)[0] != by_naive(case)


def smallest(case: World) -> World:
    """A case that still differs, and no longer does once any one thing is taken out of it."""
    while True:
        smaller = next(filter(_still_differs, _without_one_thing(case)), None)
        if smaller is None:
            return case
        case = smaller


def shown(case: World) -> str:
    """The smallest case like this one and both answers, to be pasted into a test."""
    case = smallest(case)
    return laid_out(as_json(case) | {"engine": by_engine(case)[0], "naive": by_naive(case)})


def _still_differs(case: World) -> bool:
    try:
        return differs(case)
    except (LookupError, InvalidInput):
        return False  # what was taken out is required


def _without_one_thing(case: World) -> Iterator[World]:
    whole: list[Any] = [case.documents, case.request, case.records]
    for path in _paths(whole):
        found = copy.deepcopy(whole)
        inner: Any = found
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        yield World(documents=found[0], request=found[1], records=found[2])


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """What can be taken out, the largest first: below the three parts of a case."""
    if len(at) > 1:
        yield at
    if isinstance(value, dict | list):
        for step in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[step], (*at, step))
