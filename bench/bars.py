"""What the portal must reach, and whether it does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.measures import BESIDE_PEER, BOOKING, BUSY_DAY, DAY, PAGE, PAGE_OF_ONE, TWO_WEEKS_OF_ANY, Found
from bench.stats import latency_ratio, quantile, rate_ratio

#: Measure → the least share of the floor's requests a second.
LEAST_RATE = {DAY: 0.6, BUSY_DAY: 0.6, PAGE: 0.6, PAGE_OF_ONE: 0.6, BOOKING: 0.5}
#: Measure → the most SQL statements of one request.
MOST_STATEMENTS = {DAY: 2, TWO_WEEKS_OF_ANY: 4, BOOKING: 8}
#: Measure → how many times the floor's 99th percentile ours may be.
MOST_P99 = {BOOKING: 2.0}
#: How many times the 95th percentile of the smallest size that of the largest may be.
MOST_GROWTH = 1.2
#: Measure → requests a second of the fastest peer, on the same kind of machine with few appointments.
PEERS = {DAY: ("Easy!Appointments", 346), BOOKING: ("django-appointment", 146)}


@dataclass(frozen=True)
class Bar:
    """One promise and what became of it."""

    name: str
    value: float
    limit: float
    #: Whether the value must be at least the limit; else at most.
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether it was kept."""
        return self.value >= self.limit if self.is_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.is_least else "≤"
        return f"{'PASS' if self.is_met else 'FAIL'}  {self.name}: {self.value:.3g} (must be {sign} {self.limit:g})"


def bars_of(found: Found, size: int) -> Iterator[Bar]:
    """Yield the bars of one measure at one size."""
    name = f"{found.name}, {size:,}"
    if found.name in LEAST_RATE:
        ratio = rate_ratio(found.ours, found.floor).middle
        yield Bar(f"{name}: share of the floor's rate", ratio, LEAST_RATE[found.name], is_least=True)
    if found.name in MOST_P99:
        p99 = latency_ratio(found.ours, found.floor, 0.99).middle
        yield Bar(f"{name}: p99 ÷ the floor's", p99, MOST_P99[found.name])
    if found.name in MOST_STATEMENTS and found.statements is not None:
        yield Bar(f"{name}: SQL statements of a request", found.statements, MOST_STATEMENTS[found.name])
    if found.name == BESIDE_PEER:
        yield Bar(
            f"{name}: bookings for each one of its", rate_ratio(found.ours, found.floor).middle, 1.0, is_least=True
        )
    if found.name in PEERS:
        peer, rate = PEERS[found.name]
        yield Bar(f"{name}: a second ({peer}'s best)", found.ours.rate, rate, is_least=True)


def growth_bars(by_size: Mapping[int, Sequence[Found]]) -> Iterator[Bar]:
    """Yield how the slowest requests grow with the number of appointments."""
    small, large = min(by_size), max(by_size)
    if small == large:
        return
    for one, other in zip(by_size[small], by_size[large], strict=False):
        growth = quantile(other.ours.latencies_s, 0.95) / quantile(one.ours.latencies_s, 0.95)
        yield Bar(f"{one.name}: p95 at {large:,} ÷ at {small:,}", growth, MOST_GROWTH)


def table(by_size: Mapping[int, Sequence[Found]]) -> str:
    """Return everything as a Markdown table, a row for each measure and size."""
    lines = [
        "| | visits | portal: a second, p95, p99 | floor: the same | ratio (rounds) | p99 ÷ | CPU | statements | other |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    names = [found.name for found in next(iter(by_size.values()))]
    for name in names:
        for size, measures in by_size.items():
            lines.extend(_row(found, size) for found in measures if found.name == name)
    return "\n".join(lines)


def _row(found: Found, size: int) -> str:
    ours, floor = found.ours, found.floor
    cells = [
        found.name,
        f"{size:,}",
        *(
            f"{one.rate:.0f}, {quantile(one.latencies_s, 0.95) * 1000:.0f} ms, {quantile(one.latencies_s, 0.99) * 1000:.0f} ms"
            for one in (ours, floor)
        ),
        str(rate_ratio(ours, floor)),
        f"{latency_ratio(ours, floor, 0.99).middle:.2f}",
        f"{ours.cpu_ms:.2f} ms against {floor.cpu_ms:.2f} ms",
        "" if found.statements is None else str(found.statements),
        "; ".join(f"{other.name}: {other.rate:.0f} a second, {other.cpu_ms:.2f} ms" for other in found.others),
    ]
    return f"| {' | '.join(cells)} |"
