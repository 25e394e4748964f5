"""The verification procedure: a log and a chain in, a report out. It trusts nothing of the gateway.

================================== ====================================================================
verify                             the whole procedure: one pass, every step
checkpoints, trees                 CHECKPOINT · TREE and ANCHOR
opening, tags                      ENTRY: leaf, opening, erasure, one tag a patient
heads, times                       TIME
filings                            CONSENT
publications, eligibility, replay  REPLAY
releases, stops, emergencies       RELEASE
sources, receipts                  COMPLETE
finality                           FINAL
shapes                             entries as an auditor reads them
remote, exports                    a log over HTTP, and in a directory
report, tally, ground, patients    what comes out, what the steps write into, stand on and remember
================================== ====================================================================
"""

from ledger.audit.ground import Limits
from ledger.audit.report import Finding, Report, Step, StepResult
from ledger.audit.sources import Gap, LogSource, Row
from ledger.audit.verify import verify

__all__ = ["Finding", "Gap", "Limits", "LogSource", "Report", "Row", "Step", "StepResult", "verify"]
