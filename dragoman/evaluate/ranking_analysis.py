"""What raters said: first places, average ranks, and how far they agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from dragoman.evaluate.ranking_read import Rating, Ratings
from dragoman.evaluate.tables import NOTHING, Table

TIE = "tie"


def first_places(ratings: Ratings) -> dict[str, float]:
    """How many first places each system has; systems that share one have an equal part of it."""
    found = dict.fromkeys(ratings.systems, 0.0)
    for rating in ratings.ratings:
        best = _best(rating)
        for system in best:
            found[system] += 1 / len(best)
    return found


def average_ranks(ratings: Ratings) -> dict[str, float]:
    """The mean of each system's ranks; without any preference all have (systems + 1) / 2."""
    count = len(ratings.ratings)
    return {s: sum(rating.ranks[s] for rating in ratings.ratings) / count for s in ratings.systems}


def kendall_w(ranks: Sequence[Sequence[float]]) -> float | None:
    """Kendall's coefficient of concordance of m rows of ranks of the same n things, with its correction for
    ties: 1 if all rows are equal, 0 if the sums are. None with fewer than two rows, or if nobody
    distinguishes anything.

    W = 12 S / (m^2 (n^3 - n) - m T), S the squared deviations of the sums of ranks, T the sum of t^3 - t over
    groups of t equal ranks in a row (Kendall and Babington Smith 1939).
    """
    m, n = len(ranks), len(ranks[0]) if ranks else 0
    ties = sum(t**3 - t for row in ranks for t in Counter(row).values())
    span = m * m * (n**3 - n) - m * ties
    if m < 2 or span <= 0:
        return None
    sums = [sum(column) for column in zip(*ranks, strict=True)]
    mean = sum(sums) / n
    return 12 * sum((total - mean) ** 2 for total in sums) / span


def fleiss_kappa(choices: Sequence[Sequence[str]]) -> float | None:
    """Fleiss' kappa (1971) of what raters chose for each item: 1 is full agreement, 0 what chance gives.

    Items may have different numbers of raters; those with fewer than two do not count. None if no item
    counts, or all choices are the same.
    """
    items = [Counter(chosen) for chosen in choices if len(chosen) > 1]
    sizes = [item.total() for item in items]
    if not items:
        return None
    agreed = [
        (sum(count * count for count in item.values()) - size) / (size * (size - 1))
        for item, size in zip(items, sizes, strict=True)
    ]
    shares = [sum(item[name] for item in items) / sum(sizes) for name in set().union(*items)]
    by_chance = sum(share * share for share in shares)
    return None if by_chance == 1 else (sum(agreed) / len(items) - by_chance) / (1 - by_chance)


def agreement(ratings: Ratings) -> tuple[float | None, float | None, int]:
    """Kendall's W, averaged over the items that several people ranked; Fleiss' kappa of who is first (a
    shared first place is a choice of its own); the number of those items."""
    by_item: dict[str, list[Rating]] = defaultdict(list)
    for rating in ratings.ratings:
        by_item[rating.item].append(rating)
    several = [found for found in by_item.values() if len(found) > 1]
    each = [kendall_w([[r.ranks[s] for s in ratings.systems] for r in found]) for found in several]
    known = [value for value in each if value is not None]
    w = sum(known) / len(known) if known else None
    choices = [[best[0] if len(best := _best(r)) == 1 else TIE for r in found] for found in several]
    return w, fleiss_kappa(choices), len(several)


def ranking_table(ratings: Ratings) -> Table:
    """Systems by average rank, the best first; agreement at the foot."""
    first, mean, count = first_places(ratings), average_ranks(ratings), len(ratings.ratings)
    rows = [
        (system, [f"{mean[system]:.2f}", f"{100 * first[system] / count:.1f}", f"{first[system]:.1f}"])
        for system in sorted(ratings.systems, key=lambda system: mean[system])
    ]
    raters, items = ({getattr(r, name) for r in ratings.ratings} for name in ("rater", "item"))
    w, kappa, several = agreement(ratings)
    foot = [f"{count:,} ratings by {len(raters):,} people of {len(items):,} items"]
    if ratings.left_out:
        foot.append(f"{ratings.left_out:,} ratings are left out: not all texts of the item were ranked")
    if several:
        foot.append(f"Kendall's W {_number(w)} (mean of {several:,} items that several people ranked)")
        foot.append(f"Fleiss' kappa of the first place {_number(kappa)}")
    else:
        foot.append("no item was ranked by several people: nothing is known of their agreement")
    return Table(["average rank", "first places %", "first places"], rows, foot=foot)


def _best(rating: Rating) -> list[str]:
    least = min(rating.ranks.values())
    return [system for system, rank in rating.ranks.items() if rank == least]


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"
