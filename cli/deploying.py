"""From a wish to contracts on a chain: show what it takes, ask, send, wait, verify, write it down."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cli.nodes import chosen_network, output_file, require_network
from cli.owners import owner_named
from cli.paying import Payer
from cli.session import Session
from cli.shapes.base import Shape
from cli.shapes.contracts import (
    ContractsDeployed,
    DeploymentPart,
    DeploymentPlanned,
    PlannedContract,
    PlannedStep,
    SentPart,
)
from cli.views import contracts as view
from ledger.errors import Conflict, StoreUnavailable

if TYPE_CHECKING:
    from ledger.chain.deployment import Deployment
    from ledger.chain.intents import Intents
    from ledger.chain.networks import Network
    from ledger.chain.planning import Plan, Step
    from ledger.chain.rpc import Rpc
    from ledger.ids import Digest

PATIENCE = 300.0
FINAL_PATIENCE = 1800.0

MULTISIG = (
    "The owner names accreditors and can be changed only by itself. On a public network it should be a "
    "multisig: --owner ADDRESS."
)
NO_CONTRACT = "No contract at {owner} on this chain: a person's key, not a multisig."
POOR = "Send {lacking} ether to {sender} first."
BLOCK_UNKNOWN = (
    "The node keeps no old states and cannot tell since when the contracts are there. If you know it, say so "
    "with --block and --replace: from there on clients read events."
)
EARLIER = "The first block in the file stays, although {block} would do. To write that, say --replace."


class Depth(StrEnum):
    """How deep the contracts must be on chain before they are written down."""

    SEEN = "seen"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was said on the command line; ``wait`` None is what the network asks for."""

    network: str
    account: Path
    owner: str | None
    output: Path | None
    replace: bool
    block: int | None
    wait: Depth | None
    dry_run: bool


def deploy(session: Session, wish: Wish) -> tuple[Shape, str]:
    """Show what is to be done and, if the user agrees, do it; the answer and its text.

    Raises:
        Declined: they do not agree, or there is nobody to ask.
        LedgerError: see `ledger.chain.deploying`.
    """
    from ledger.chain.rpc import Rpc

    url, named = chosen_network(session, wish.network)
    with closing(Rpc(url)) as rpc:
        return _Deploying.prepare(session, wish, rpc, named).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deploying:
    session: Session
    wish: Wish
    rpc: "Rpc"
    network: "Network"
    payer: Payer
    plan: "Plan"
    file: Path
    notes: list[str]

    @classmethod
    def prepare(cls, session: Session, wish: Wish, rpc: "Rpc", named: "Network | None") -> "_Deploying":
        """Look at keystore, chain and file."""
        from ledger.chain.blueprint import Blueprint
        from ledger.chain.networks import network_of
        from ledger.chain.planning import make_plan

        wanted = None if wish.owner is None else owner_named(wish.owner)
        payer, chain_id = Payer.of(session, wish.account), rpc.chain_id()
        if named is not None:
            require_network(named, chain_id)
        owner = wanted or payer.address
        plan = make_plan(rpc, sender=payer.address, blueprint=Blueprint.of(owner), owner=owner)
        file = output_file(chain_id, wish.output)
        return cls(
            session=session,
            wish=wish,
            rpc=rpc,
            network=named or network_of(chain_id, f"chain {chain_id}"),
            payer=payer,
            plan=plan,
            file=file,
            notes=_conflicts(file, plan.blueprint.deployment(chain_id, wish.block or 0), wish),
        )

    def run(self) -> tuple[Shape, str]:
        """The plan if that is all that is wanted, else what came of it."""
        from ledger.chain.deployment import write

        planned = self._planned()
        if self.wish.dry_run:
            return planned, view.planned_text(planned) + "\nNothing was sent. Leave out --dry-run to deploy."
        self.session.output.show(view.planned_text(planned) + "\n", asked=not self.session.given.yes)
        with self._intents() as intents:
            sent = self._send(intents)
            final = self._wait()
            deployment, notes = self._settled(intents)
            shape = ContractsDeployed(
                network=self.network.name,
                deployment=DeploymentPart(**deployment.to_json()),
                owner=self.plan.owner,
                sent=sent,
                final=final,
                file=str(self.file),
                written=write(self.file, deployment, replace=self.wish.replace),
                notes=notes,
            )
            intents.forget()
        return shape, view.deployed_text(shape)

    def _planned(self) -> DeploymentPlanned:
        plan = self.plan
        return DeploymentPlanned(
            network=self.network.name,
            chain_id=plan.chain_id,
            head=plan.head.number,
            sender=plan.sender,
            owner=plan.owner,
            balance=str(plan.balance),
            contracts=[
                PlannedContract(name=target.name, address=target.address, there=not plan.missing(target))
                for target in plan.blueprint.targets
            ],
            steps=[
                PlannedStep(name=step.name, to=step.to, gas=step.gas, wei=str(step.value))
                for step in plan.steps
            ],
            gas=plan.gas,
            cost=str(plan.cost),
            most=str(plan.most),
            affordable=not plan.lacking,
            file=str(self.file),
            notes=[*self._advice(), *self.notes],
        )

    def _advice(self) -> Iterator[str]:
        """What should be thought of before anything is sent."""
        from ledger.chain.planning import in_ether

        plan = self.plan
        if plan.lacking:
            yield POOR.format(lacking=in_ether(plan.lacking), sender=plan.sender)
        if self.network.public and plan.owner == plan.sender:
            yield MULTISIG
        elif self.network.public and not self.rpc.code(plan.owner):
            yield NO_CONTRACT.format(owner=plan.owner)

    @contextmanager
    def _intents(self) -> Iterator["Intents"]:
        """What this account has signed on this chain, held against other deployments by it.

        Raises:
            StoreUnavailable: another deployment by it is running (``deployment_busy``).
        """
        import time

        from ledger.chain.intents import Intents
        from ledger.client import files

        path = self.session.home.root / "deploying" / f"{self.plan.chain_id}-{self.plan.sender}.json"
        files.make_private(path.parent)
        lock = files.locked(path.with_suffix(".lock"), patience=1.0, clock=time.monotonic, pause=time.sleep)
        with ExitStack() as held:
            try:
                held.enter_context(lock)
            except StoreUnavailable as exc:
                if exc.reason != "profile_busy":
                    raise
                raise StoreUnavailable(
                    f"another 'consent contracts deploy' for {self.plan.sender} is running",
                    reason="deployment_busy",
                    fix="Let it end, then run the command again; nothing is sent twice.",
                ) from exc
            yield Intents.open(path, self.plan.genesis)

    def _send(self, intents: "Intents") -> list[SentPart]:
        from ledger.chain.deploying import Deployer
        from ledger.chain.planning import require_funds

        if not self.plan.steps:
            return []
        require_funds(self.plan)
        self.session.confirm(f"Deploy to {self.network.name}, and pay for it from {self.plan.sender}?")
        account = self.payer.unlock()
        sent: list[SentPart] = []

        def told(step: "Step", transaction: "Digest") -> None:
            sent.append(SentPart(step=step.name, transaction=transaction))
            self.session.output.talk(f"Sending: {step.name}, transaction {transaction}")

        Deployer(self.rpc, self.plan, account, intents, patience=PATIENCE, told=told).run()
        return sent

    def _wait(self) -> bool:
        """Wait until the contracts are as deep as wanted; whether they are final."""
        from ledger.chain.presence import wait_final

        if (self.wish.wait or self.network.settles) != Depth.FINAL:
            return False
        self.session.output.talk("Waiting until it is final. To go on later, stop this and run it again.")
        wait_final(self.rpc, self.plan.blueprint.addresses, patience=FINAL_PATIENCE)
        return True

    def _settled(self, intents: "Intents") -> tuple["Deployment", list[str]]:
        """The verified deployment, and what is to be said of it."""
        from ledger.chain.deploying import settled

        block, notes = self._first_block(intents)
        deployment, untold = settled(self.rpc, self.plan, block)
        return deployment, [*notes, *untold]

    def _first_block(self, intents: "Intents") -> tuple[int, list[str]]:
        """The one that was said, else the earlier of what the file and the node tell."""
        from ledger.chain import deployment
        from ledger.chain.deploying import created_in

        if self.wish.block is not None:
            return self.wish.block, []
        told = created_in(self.rpc, self.plan, intents)
        known = None if self.wish.replace or not self.file.exists() else deployment.read(self.file).block
        if told is None:
            return known or 0, [BLOCK_UNKNOWN]
        if known is None or known >= told:
            return told, []
        return known, [EARLIER.format(block=told)]


def _conflicts(file: Path, deployment: "Deployment", wish: Wish) -> list[str]:
    """Why the file could not be written, as notes for a dry run.

    Raises:
        Conflict: it is not a dry run.
        InvalidInput, NotFound, StoreUnavailable: there can be no such file.
    """
    from ledger.chain.deployment import require_writable

    try:
        require_writable(file, deployment, replace=wish.replace)
    except Conflict as exc:
        if not wish.dry_run:
            raise
        return [f"{exc.message[:1].upper()}{exc.message[1:]}. {exc.fix}"]
    return []
