"""Interleaved rounds and what they come to."""

import time
from collections.abc import Callable
from statistics import median


def seconds(work: Callable[[], object]) -> float:
    """How long it takes once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(ours: list[float], reference: list[float], *, digits: int = 2) -> dict[str, float]:
    """Rates of interleaved rounds → medians, and the ratio round by round as median, min and max."""
    ratios = [mine / theirs for mine, theirs in zip(ours, reference, strict=True)]
    return {
        "ratio": round(median(ratios), digits),
        "ratio_min": round(min(ratios), digits),
        "ratio_max": round(max(ratios), digits),
        "rate": round(median(ours), 1),
        "reference_rate": round(median(reference), 1),
    }
