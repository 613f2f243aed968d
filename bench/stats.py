"""What is kept of a measurement, and how two are compared."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed (nearest rank)."""
    if not values:
        raise ValueError("there is nothing to rank")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def turns(count: int, until: float) -> Iterator[int]:
    """Count the rounds, -1 for the one that warms up. After two that count, none is started when the time is up."""
    for number in range(-1, count):
        if number < 2 or time.monotonic() < until:
            yield number


@dataclass(frozen=True)
class Round:
    """One stretch of load: how long each request took, and how long all of it took."""

    latencies_s: list[float]
    elapsed_s: float
    #: What the server's processes spent of the processor; 0 when there is no server.
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies_s) / self.elapsed_s


@dataclass
class Series:
    """The rounds of one thing that is measured."""

    name: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def latencies_s(self) -> list[float]:
        """Those of all rounds."""
        return [value for each in self.rounds for value in each.latencies_s]

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time that the server spent on one request."""
        return 1000 * sum(each.cpu_s for each in self.rounds) / len(self.latencies_s)

    @property
    def rate(self) -> float:
        """Requests a second: the median of the rounds."""
        return median(each.rate for each in self.rounds)


@dataclass(frozen=True)
class Ratio:
    """Ours divided by the baseline's, round by round, because only neighbours in time had the same machine."""

    values: list[float]

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({min(self.values):.2f}–{max(self.values):.2f}, {len(self.values)} rounds)"


def rate_ratio(ours: Series, baseline: Series) -> Ratio:
    return Ratio([one.rate / other.rate for one, other in zip(ours.rounds, baseline.rounds, strict=True)])


def latency_ratio(ours: Series, baseline: Series, share: float) -> Ratio:
    return Ratio(
        [
            quantile(one.latencies_s, share) / quantile(other.latencies_s, share)
            for one, other in zip(ours.rounds, baseline.rounds, strict=True)
        ]
    )


def report_throughput(ours: Series, baselines: Sequence[Series]) -> None:
    """Print what was measured and the ratios."""
    for series in (ours, *baselines):
        times = series.latencies_s
        slowest, fastest = min(each.rate for each in series.rounds), max(each.rate for each in series.rounds)
        print(
            f"  {series.name:<34} {series.rate:7.0f} a second ({slowest:.0f}–{fastest:.0f}),"
            f" median {quantile(times, 0.5) * 1000:6.1f} ms, p99 {quantile(times, 0.99) * 1000:6.1f} ms, n {len(times)}"
            + (f", server's CPU {series.cpu_ms:.2f} ms" if series.cpu_ms else "")
        )
    for baseline in baselines:
        print(f"  → rate ÷ {baseline.name}: {rate_ratio(ours, baseline)}")
        print(
            f"    median time × {latency_ratio(ours, baseline, 0.5).middle:.2f},"
            f" p99 × {latency_ratio(ours, baseline, 0.99).middle:.2f}"
            + (f", server's CPU × {ours.cpu_ms / baseline.cpu_ms:.2f}" if baseline.cpu_ms else "")
        )
