"""`consent gateway erase`: an operator carries out a legal order while the gateway is stopped."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from api.stack import Stack
from ledger.audit import Step
from ledger.audit.remote import GatewaySource
from ledger.audit.verify import verify
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.client.gateway import system_clock
from ledger.crypto.identity import Account
from ledger.parties import Role
from ledger.service.keys import read_key
from tests.audit.findings import passed
from tests.cli.support import Consent
from tests.network import Network, small_bundle

pytestmark = pytest.mark.chain

ORDER = "Court of Appeal 12/2026"


def over(stack: Stack, closing: ExitStack) -> Network:
    config = Config.parse(stack.network.read_bytes())
    accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
    return Network(stack=stack, config=config, accreditor=accreditor, closing=closing)


def test_a_patient_is_erased_by_order_and_auditors_count_it_apart(consent: Consent, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Stack(state, anchor_interval=1) as stack, ExitStack() as closing:
        network = over(stack, closing)
        clinic, auditor = network.admitted("Tarn Clinic"), network.admitted("Audit", Role.AUDITOR)
        alice = network.enrolled()
        patient = network.patient(alice)
        published = patient.publish_bundle(small_bundle("Immunization"))
        done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
        network.wait_active(done.consent)
        entries = len(network.gateway(alice).entries(0, 512))
    given = ["gateway", "erase", alice.did, "--state", state, "--rpc", "http://127.0.0.1:9", "--json"]
    given += ["--deployment", state / "deployment.json"]
    unasked = consent(*given, "--order", ORDER)
    assert (unasked.code, unasked.answer["error"]["reason"]) == (5, "confirmation_needed")
    nameless = consent(*given, "--order", " ", "--confirm", alice.did)
    assert nameless.answer["error"]["reason"] == "no_order"
    ran = consent(*given, "--order", ORDER, "--confirm", alice.did)
    assert ran.code == 0, ran.out
    assert ran.answer["on_chain"] == [done.consent]
    assert (ran.answer["blocks_left"], ran.answer["blocks_kept"]) == (0, 0)
    again = consent(*given, "--order", ORDER, "--confirm", alice.did)
    assert again.answer["error"]["reason"] == "not_enrolled"
    with Stack(state, anchor_interval=1) as stack, ExitStack() as closing:
        network = over(stack, closing)
        gateway = stack.server.gateway
        assert gateway.states.find(alice.identity.account.address) is None
        assert not any(gateway.blocks.has(record.root) for record in published)
        rpc = Rpc(stack.rpc_url)
        report = verify(
            GatewaySource(network.gateway(auditor)),
            read_chain(rpc, network.config.deployment),
            verifier=gateway.journal.verifier,
            now=system_clock(),
        )
        rpc.close()
        passed(report)
        counted = report.result(Step.ENTRY).could_not
        assert counted["of a patient erased by a legal order"] == entries
