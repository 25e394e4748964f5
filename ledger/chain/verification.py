"""Whether what is deployed is what the sources give: every byte of the code, and who owns the directory.

The compiler leaves places in the code in which the constructor writes values (immutables). Each of them
follows from chain id, address and the contract's name, so each is computed here and compared; nothing is left
out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from contracts import Artifact
from ledger.chain.answers import block_call, header_in, nonsense, octets, quantity
from ledger.chain.calls import ADMIN_ROLE, ANCHOR, DIRECTORY, REGISTRY
from ledger.chain.deployment import Deployment
from ledger.chain.facts import BlockHeader
from ledger.chain.presence import any_there
from ledger.chain.roles import holders
from ledger.chain.rpc import SILENT, Rpc
from ledger.crypto.eip712 import Domain
from ledger.crypto.typed import consent_domain, directory_domain
from ledger.errors import ChainUnreachable, VerificationFailed
from ledger.ids import Address, Digest, digest
from ledger.keccak import keccak256


class Check(NamedTuple):
    """One thing that was looked at; ``detail`` has the numbers."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The code at one contract's address."""

    name: str
    address: Address
    code: bytes = field(repr=False)

    @property
    def code_hash(self) -> Digest:
        """As EXTCODEHASH gives it."""
        return digest(keccak256(self.code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome, as of one block; ``owners`` have the directory's admin role, ``notes`` what is open."""

    chain_id: int
    head: BlockHeader
    contracts: Sequence[Deployed]
    owners: Sequence[Address]
    checks: Sequence[Check]
    notes: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return all(check.ok for check in self.checks)


def verify(
    rpc: Rpc, deployment: Deployment, references: Mapping[str, Artifact], *, owner: Address | None = None
) -> Verification:
    """Compare a deployment with compiled contracts, all as of the node's latest block.

    Args:
        rpc: the node to ask.
        deployment: what is to be verified.
        references: the three contracts by name, compiled from the sources or as committed.
        owner: who alone must have the directory's admin role; anybody if absent.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    chain_id, head = _where(rpc)
    contracts = _deployed(rpc, deployment, head.number)
    checks = [_chain(chain_id, deployment)]
    for contract in contracts:
        checks += _contract(contract, references[contract.name], deployment.chain_id)
    owners, owned, unknown = _ownership(rpc, deployment, head.number, owner)
    begun, notes = _beginning(rpc, deployment, head.number)
    return Verification(
        chain_id=chain_id,
        head=head,
        contracts=contracts,
        owners=owners,
        checks=[*checks, *owned, *begun],
        notes=[*unknown, *notes],
    )


def require_verified(verification: Verification) -> None:
    """Refuse a verification with a check that failed.

    Raises:
        VerificationFailed: (``deployment_differs``) named by the first of them.
    """
    first = next((check for check in verification.checks if not check.ok), None)
    if first is not None:
        raise VerificationFailed(
            f"what is deployed is not what was compiled: {first.name}: {first.detail}",
            reason="deployment_differs",
            fix="Do not rely on these contracts. See every check: consent contracts verify",
        )


def immutables(domain: Domain) -> dict[str, bytes]:
    """What OpenZeppelin's EIP712 writes into the code of a contract with that domain, a word each."""
    contract = bytes.fromhex((domain.verifying_contract or "")[2:])
    return {
        "_cachedChainId": domain.chain_id.to_bytes(32, "big"),
        "_cachedDomainSeparator": domain.separator(),
        "_cachedThis": contract.rjust(32, b"\0"),
        "_hashedName": keccak256(domain.name.encode()),
        "_hashedVersion": keccak256(domain.version.encode()),
        "_name": _short_string(domain.name),
        "_version": _short_string(domain.version),
    }


def _where(rpc: Rpc) -> tuple[int, BlockHeader]:
    chain, latest = rpc.batch([("eth_chainId", ()), block_call("latest")])
    head = header_in(latest)
    if head is None:
        raise nonsense()
    return quantity(chain.value()), head


def _deployed(rpc: Rpc, deployment: Deployment, block: int) -> list[Deployed]:
    places = {REGISTRY: deployment.registry, DIRECTORY: deployment.directory, ANCHOR: deployment.anchor}
    codes = rpc.batch([("eth_getCode", (address, hex(block))) for address in places.values()])
    return [
        Deployed(name=name, address=address, code=octets(answer.value()))
        for (name, address), answer in zip(places.items(), codes, strict=True)
    ]


def _chain(found: int, deployment: Deployment) -> Check:
    if found == deployment.chain_id:
        return Check("chain", True, str(found))
    return Check("chain", False, f"the deployment is on chain {deployment.chain_id}, the node on {found}")


def _contract(contract: Deployed, reference: Artifact, chain_id: int) -> Iterator[Check]:
    if not contract.code:
        yield Check(contract.name, False, f"there is no code at {contract.address}")
        return
    yield _code(contract, reference)
    values = _expected(contract, chain_id)
    if len(contract.code) != len(reference.deployed_bytecode):
        return  # there is no telling where in other code the immutables would be
    if values or reference.immutable_references:
        yield _immutables(contract, reference, values)


def _code(contract: Deployed, reference: Artifact) -> Check:
    code, wanted = contract.code, reference.deployed_bytecode
    if len(code) != len(wanted):
        return Check(contract.name, False, f"{len(code):,} bytes on chain, {len(wanted):,} were compiled")
    places = {
        place
        for found in reference.immutable_references.values()
        for start, length in found
        for place in range(start, start + length)
    }
    compared = [place for place in range(len(code)) if place not in places]
    differing = [place for place in compared if code[place] != wanted[place]]
    if differing:
        first = differing[0]
        return Check(
            contract.name,
            False,
            f"{len(differing):,} of {len(compared):,} bytes differ, the first at {first:,}: "
            f"0x{code[first]:02x} on chain, 0x{wanted[first]:02x} was compiled",
        )
    return Check(contract.name, True, f"{len(compared):,} of {len(compared):,} bytes of code are equal")


def _immutables(contract: Deployed, reference: Artifact, values: Mapping[str, bytes]) -> Check:
    name, places = f"{contract.name} immutables", reference.immutable_references
    if set(places) != set(values):
        strange = ", ".join(sorted(set(places) ^ set(values)))
        return Check(name, False, f"which values these must have is not known here: {strange}")
    for immutable, wanted in values.items():
        for start, length in places[immutable]:
            found = contract.code[start : start + length]
            if found != wanted:
                return Check(
                    name, False, f"{immutable} is 0x{found.hex()} on chain, and must be 0x{wanted.hex()}"
                )
    return Check(name, True, f"{len(values)} of {len(values)} values follow from chain, address and name")


def _expected(contract: Deployed, chain_id: int) -> dict[str, bytes]:
    domains = {REGISTRY: consent_domain, DIRECTORY: directory_domain}
    if contract.name not in domains:
        return {}
    return immutables(domains[contract.name](chain_id, contract.address))


def _short_string(text: str) -> bytes:
    """A string of at most 31 bytes in one word: the bytes from the left, their number in the last one."""
    raw = text.encode()
    return raw.ljust(31, b"\0") + bytes([len(raw)])


def _ownership(
    rpc: Rpc, deployment: Deployment, head: int, wanted: Address | None
) -> tuple[list[Address], list[Check], list[str]]:
    """Who names accreditors. Where the node cannot tell, that fails if it was asked, and else is a note."""
    try:
        found = holders(rpc, deployment.directory, ADMIN_ROLE, head)
    except ChainUnreachable as exc:
        if exc.reason in SILENT:
            raise
        if exc.reason != "events_refused":
            return [], [_owner(False, f"{deployment.directory} does not answer as a directory does")], []
        if wanted is None:
            return [], [], [f"Who names accreditors was not checked: {exc.message}."]
        return (
            [],
            [_owner(False, f"whether {wanted} alone names accreditors is not known: {exc.message}")],
            [],
        )
    listed = ", ".join(found) or "nobody"
    if wanted is None:
        return found, [_owner(bool(found), f"{listed} names accreditors")], []
    if found == [wanted]:
        return found, [_owner(True, f"{wanted} alone names accreditors")], []
    return found, [_owner(False, f"{listed} names accreditors, not {wanted} alone")], []


def _owner(ok: bool, detail: str) -> Check:
    return Check("owner", ok, detail)


def _beginning(rpc: Rpc, deployment: Deployment, head: int) -> tuple[list[Check], list[str]]:
    """Whether the deployment's block is early enough for every event to be read."""
    name, block = "first block", deployment.block
    if block > head:
        return [Check(name, False, f"the chain has not got to block {block} yet")], []
    early = any_there(rpc, deployment.addresses, block - 1) if block else False
    if early is None:
        why = "the node keeps no old states"
        return [], [f"Whether a contract was there before block {block} was not checked: {why}."]
    if early:
        return [Check(name, False, f"a contract was there before block {block}: events can be missed")], []
    return [Check(name, True, f"no contract was there before block {block}")], []
