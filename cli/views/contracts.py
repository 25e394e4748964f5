"""Contracts on a chain: what deploying takes, what came of it, and whether they are what they must be."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from shlex import quote

from cli.shapes.contracts import ContractsDeployed, ContractsVerified, DeploymentPlanned, PlannedStep
from cli.views.text import counted, table

ETHER = Decimal(10**18)
FIGURES = 4


def planned_text(plan: DeploymentPlanned) -> str:
    """Where the contracts will be, what will be sent, what it costs, and who pays."""
    contracts = [(one.name, one.address, "is there" if one.there else "to be made") for one in plan.contracts]
    steps = [_step(step) for step in plan.steps] or [("nothing: all three are there", "")]
    parts = [
        f"To {plan.network} (chain {plan.chain_id}, block {plan.head:,}):",
        table(contracts, indent="  "),
        "To be sent:",
        table(steps, indent="  "),
        table(_terms(plan)),
    ]
    return "\n".join([*parts, *_notes(plan.notes)])


def deployed_text(shape: ContractsDeployed) -> str:
    """Where the contracts are now, and how to check it."""
    where = shape.deployment
    sent = counted(len(shape.sent), "transaction") if shape.sent else "nothing"
    rows = [
        ("registry", where.registry),
        ("directory", where.directory),
        ("anchor", where.anchor),
        ("first block", f"{where.block:,}"),
        ("owner", shape.owner),
        ("sent", sent),
        ("file", f"{shape.file} ({'written' if shape.written else 'unchanged'})"),
    ]
    depth = "final and verified" if shape.final else "verified"
    check = (
        f"Compare them with the sources: consent contracts verify --rpc URL --deployment {quote(shape.file)}"
    )
    head = f"All three contracts are on {shape.network}, {depth}."
    return "\n".join([head, table(rows, indent="  "), *_notes(shape.notes), check])


def verified_text(shape: ContractsVerified) -> str:
    """The verdict, then each check with its numbers, then what it was proven against."""
    failed = sum(not check.ok for check in shape.checks)
    if failed:
        verdict = f"FAILED. {failed} of {counted(len(shape.checks), 'check')} did not hold."
    elif shape.compared_with == "sources":
        verdict = f"OK. What is deployed on chain {shape.chain_id} is what the sources give."
    else:
        verdict = f"OK. What is deployed on chain {shape.chain_id} is what the committed artifacts are."
    checks = [("ok" if check.ok else "NO", check.name, check.detail) for check in shape.checks]
    proof = [
        ("compared with", f"{shape.compared_with}, compiled by solc {shape.compiler}"),
        ("as of", f"block {shape.block:,} {shape.block_hash}"),
    ]
    codes = [(one.name, one.address, f"{one.bytes:,} bytes", one.code_hash) for one in shape.contracts]
    return "\n".join(
        [
            verdict,
            table(checks, indent="  "),
            *_notes(shape.notes),
            "Proof",
            table(proof, indent="  "),
            table(codes, indent="  "),
        ]
    )


def ether(wei: str, *, up: bool = True) -> str:
    """An amount in ether to four figures: costs rounded up, what one has rounded down."""
    rounded = Context(prec=FIGURES, rounding=ROUND_CEILING if up else ROUND_FLOOR).divide(Decimal(wei), ETHER)
    return f"{rounded.normalize():f} ether"


def _step(step: PlannedStep) -> tuple[str, str]:
    if int(step.wei):
        return step.name, f"{step.gas:,} gas and {ether(step.wei)}"
    return step.name, f"about {step.gas:,} gas" if step.gas else "a transaction that is public knowledge"


def _terms(plan: DeploymentPlanned) -> list[tuple[str, str]]:
    balance = f"{plan.sender}, which has {ether(plan.balance, up=False)}"
    cost = [
        ("gas", f"about {plan.gas:,}"),
        ("cost", f"about {ether(plan.cost)}, {ether(plan.most)} at most"),
        ("paid by", balance if plan.affordable else f"{balance}: NOT ENOUGH"),
    ]
    return [*(cost if plan.steps else []), ("owner", plan.owner), ("file", plan.file)]


def _notes(notes: Sequence[str]) -> list[str]:
    return [f"Note: {note}" for note in notes]
