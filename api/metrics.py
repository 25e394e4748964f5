"""What Prometheus reads, on a listener of its own: counts of answers, and how chain, log and stores stand.

Off unless `metrics_port` is set, and on loopback unless said otherwise: the figures name nobody, but they say
how busy a hospital is, so the public address never has them. Labels come from closed lists: no did, id, name,
URL or text of anybody's. What is asked at a scrape and cannot be answered is left out; ``consent_up`` then
says which part it was.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from api.readiness import require_ready
from api.tallies import Commits, Histogram, Requests
from ledger import __version__
from ledger.errors import InvalidInput, LedgerError
from ledger.policy.model import POLICY
from ledger.records.blocks import BlockStore
from ledger.records.replication import ReplicatedBlockStore
from ledger.records.stores import require_usable
from ledger.service import erasure, reviews
from ledger.service.anchoring import latest_anchor
from ledger.service.gateway import Gateway
from ledger.store.backlog import backlog
from ledger.store.marks import FAULTS, Mark, Marks

PATIENCE = 2.0
"""Seconds that a scrape waits for a block store."""
NOT_READY = ("no_head", "stale_head", "log_damaged", "database", "stopping", "other")
MARKS = (Mark.DRAINED, *FAULTS)


class Answers(Collector):
    """What was counted as it happened."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests, self._commits = requests, commits

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        requests = CounterMetricFamily(
            "consent_http_requests", "Answers.", labels=("route", "method", "status")
        )
        seconds = HistogramMetricFamily(
            "consent_http_request_seconds", "Time to answer.", labels=("route", "method", "status")
        )
        for (route, method, status), tally in list(self._requests.found.items()):
            labels = (route, method, str(status))
            buckets, count = _buckets(tally)
            requests.add_metric(labels, count)
            seconds.add_metric(labels, buckets, tally.total)
        yield from (requests, seconds)
        sizes = HistogramMetricFamily("consent_log_commit_entries", "Entries made durable at once.")
        sizes.add_metric((), _buckets(self._commits.sizes)[0], self._commits.sizes.total)
        yield sizes
        kinds = CounterMetricFamily(
            "consent_log_entries", "Entries logged by this process.", labels=("kind",)
        )
        for kind, count in list(self._commits.kinds.items()):
            kinds.add_metric((kind,), count)
        yield kinds
        decisions = CounterMetricFamily("consent_decisions", "Decisions.", labels=("outcome", "reason"))
        for (outcome, reason), count in list(self._commits.decisions.items()):
            decisions.add_metric((outcome, reason), count)
        yield decisions


class Standing(Collector):
    """How the gateway stands when it is asked."""

    def __init__(self, gateway: Gateway, stopping: Callable[[], bool]) -> None:
        self._gateway, self._stopping = gateway, stopping

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        build = GaugeMetricFamily("consent_build_info", "What runs here.", labels=("version", "policy"))
        build.add_metric((__version__, POLICY), 1)
        yield build
        up = GaugeMetricFamily("consent_up", "Whether a part answers.", labels=("part",))
        yield self._readiness()
        for part, ask in (("chain", self._chain), ("log", self._log), ("database", self._database)):
            found: list[Metric] = []
            with _answering(up, part):
                found += ask()
            yield from found
        yield from self._stores()
        yield up

    def _readiness(self) -> Metric:
        """One line for each reason not to be ready, so that an alert can name it."""
        reason = ""
        try:
            require_ready(self._gateway)
        except LedgerError as exc:
            reason = exc.reason if exc.reason in NOT_READY else "other"
        reason = "stopping" if self._stopping() else reason
        family = GaugeMetricFamily(
            "consent_not_ready", "Whether /readyz says no, and why.", labels=("reason",)
        )
        for one in NOT_READY:
            family.add_metric((one,), int(one == reason))
        return family

    def _chain(self) -> Iterator[Metric]:
        agreement = self._gateway.follower.agreement
        nodes = GaugeMetricFamily("consent_chain_nodes", "Nodes by what they said last.", labels=("said",))
        for said in ("agree", "behind", "silent"):
            nodes.add_metric((said,), getattr(agreement, said))
        yield nodes
        yield GaugeMetricFamily(
            "consent_chain_reorgs", "Blocks' replacements seen.", self._gateway.follower.reorgs
        )
        head, now = self._gateway.follower.head(), self._gateway.clock()
        yield GaugeMetricFamily("consent_chain_head", "The last block's number.", head.number)
        yield GaugeMetricFamily(
            "consent_chain_head_age_seconds", "Since the head was confirmed.", head.age(now) / 1000
        )

    def _log(self) -> Iterator[Metric]:
        gateway, now = self._gateway, self._gateway.clock().timestamp()
        size, latest = gateway.journal.size, latest_anchor(gateway)
        anchored = 0 if latest is None else latest.new_size
        yield GaugeMetricFamily("consent_log_size", "Entries in the log.", size)
        yield GaugeMetricFamily(
            "consent_log_unanchored", "Entries that no anchor covers.", max(0, size - anchored)
        )
        yield GaugeMetricFamily(
            "consent_log_damaged", "Whether the log is refused.", int(gateway.journal.damage is not None)
        )
        header = None if latest is None else gateway.follower.index.header(latest.number)
        if header is not None:
            yield GaugeMetricFamily(
                "consent_log_anchor_age_seconds", "Since the last anchor's block.", now - header.timestamp
            )

    def _database(self) -> Iterator[Metric]:
        gateway = self._gateway
        found = backlog(gateway.db, gateway.now_ms())
        acts = GaugeMetricFamily("consent_relayer_acts", "Acts for the chain by state.", labels=("state",))
        for state, count in found.acts.items():
            acts.add_metric((str(state),), count)
        yield acts
        yield GaugeMetricFamily("consent_relayer_stops_waiting", "Stops that are in no block.", found.stops)
        waits = 0 if found.oldest is None else (gateway.now_ms() - found.oldest) / 1000
        yield GaugeMetricFamily("consent_relayer_wait_seconds", "How long the longest due act waits.", waits)
        held = Marks(gateway.db).all()
        marks = GaugeMetricFamily("consent_relayer_mark", "What holds of the relayer.", labels=("mark",))
        for mark in MARKS:
            marks.add_metric((str(mark),), int(mark in held))
        yield marks
        reviewing = GaugeMetricFamily(
            "consent_emergencies", "Emergencies nobody has reviewed.", labels=("state",)
        )
        for name, count in reviews.backlog(gateway).items():
            reviewing.add_metric((name,), count)
        yield reviewing
        yield GaugeMetricFamily(
            "consent_erasures_unfinished", "Erasures not done to the end.", erasure.unfinished(gateway)
        )
        yield GaugeMetricFamily(
            "consent_leader", "Whether this gateway acts for all.", int(gateway.db.leads())
        )

    def _stores(self) -> Iterator[Metric]:
        """Block stores by their place in the setting; their names could hold anything."""
        blocks = self._gateway.blocks
        stores, short = (
            (blocks.stores, blocks.short) if isinstance(blocks, ReplicatedBlockStore) else ((blocks,), 0)
        )
        yield CounterMetricFamily("consent_blocks_short", "Writes that not all stores took.", short)
        family = GaugeMetricFamily("consent_block_store_up", "Whether it answers.", labels=("place",))
        pool = ThreadPoolExecutor(len(stores), thread_name_prefix="probing")
        try:
            asked = [pool.submit(_answers, store) for store in stores]
            for place, answer in enumerate(asked):
                try:
                    usable = answer.result(PATIENCE)
                except TooLate:
                    usable = False
                family.add_metric((str(place),), int(usable))
        finally:
            pool.shutdown(wait=False)
        yield family


@contextmanager
def serving(host: str, port: int, *collectors: Collector) -> Iterator[str]:
    """Serve the page until the block ends; its URL.

    Raises:
        InvalidInput: the port is taken, or the host is no address of this machine.
    """
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as exc:
        raise InvalidInput(
            f"metrics cannot listen on port {port}",
            reason="port_taken",
            fix="Choose another: CONSENT_METRICS_PORT.",
        ) from exc
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _answering(up: GaugeMetricFamily, part: str) -> Iterator[None]:
    try:
        yield
    except LedgerError:
        up.add_metric((part,), 0)
    else:
        up.add_metric((part,), 1)


def _answers(store: BlockStore) -> bool:
    try:
        require_usable(store)
    except LedgerError:
        return False
    return True


def _buckets(tally: Histogram) -> tuple[list[tuple[str, float]], int]:
    """Cumulative counts by bound, as Prometheus has them, and the count of all."""
    sums = list(accumulate(tally.counts))
    bounds = [*(str(bound) for bound in tally.bounds), "+Inf"]
    return [(bound, float(count)) for bound, count in zip(bounds, sums, strict=True)], sums[-1]
