"""The report: Markdown tables, so that they read well in a terminal and in the documentation."""

from collections.abc import Sequence

from benchmarks.aims import Aim, cpu_of
from benchmarks.ceiling import Cost
from benchmarks.footprint import Footprint
from benchmarks.measurement import Sample, Series, Subject


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up; all columns but the first are set to the right."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = "| " + " | ".join("-" * (width - 1) + (":" if column else "-") for column, width in enumerate(widths)) + " |"
    return "\n".join([line(headings), rule, *(line(row) for row in rows)])


def _span(spread: tuple[float, float, float], digits: int = 0) -> str:
    middle, least, greatest = spread
    return f"{middle:,.{digits}f} ({least:,.{digits}f}-{greatest:,.{digits}f})"


def _times(above: float, below: float | None) -> str:
    if below is None:
        return "-"
    ratio = above / below
    return f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"


def requests_table(series: Sequence[Series]) -> str:
    """Return requests a second and CPU a request: medians over the rounds, in brackets the least and the greatest."""
    rows = []
    for one in series:
        cpu = one.cpu_microseconds
        against = [_times(cpu, cpu_of(list(series), peer, one.operation)) for peer in ("Floor", "moto", "MiniStack")]
        rows.append(
            [
                one.operation,
                one.server,
                _span(one.spread(lambda sample: sample.requests_per_second)),
                _span(one.spread(lambda sample: sample.cpu_microseconds), 1 if cpu < 100 else 0),
                *against,
            ]
        )
    headings = ("Operation", "Server", "Requests/s", "CPU µs/request", "to floor", "to moto", "to MiniStack")
    return table(headings, rows)


def conditions(series: Sequence[Series]) -> str:
    """Return how many requests were answered, and how much of the machine went to other work meanwhile."""
    samples = [sample for one in series for sample in one.samples]
    others = sorted(sample.other_work for sample in samples)
    return (
        f"{sum(sample.requests for sample in samples):,} requests, every answer 200 and checked. Other work took "
        f"{others[len(others) // 2]:.0%} of the machine (median of the rounds; {others[0]:.0%}-{others[-1]:.0%})."
    )


def closing_servers(series: Sequence[Series]) -> list[str]:
    """Return the servers that closed the connection after about every answer."""

    def closes(sample: Sample) -> bool:
        return sample.connections_opened > sample.requests / 2

    return sorted({one.server for one in series if all(closes(sample) for sample in one.samples)})


def signature_line(subjects: Sequence[Subject]) -> str:
    """Return who refused a request with a wrong signature, and who answered it."""
    refusing = "; ".join(subject.name for subject in subjects if subject.checks_signatures) or "none"
    answering = "; ".join(subject.name for subject in subjects if not subject.checks_signatures) or "none"
    return f"A wrong signature was refused by: {refusing}. Answered by: {answering}."


def aims_table(aims: Sequence[Aim]) -> str:
    """Return each aim, what was measured, and whether it is met."""
    rows = []
    for aim in aims:
        if aim.is_share:
            measured = "-" if aim.measured is None else f"{aim.measured:.0%}"
            rows.append([aim.text, measured, f"at least {aim.at_most:.0%}", aim.verdict])
            continue
        small = aim.at_most < 1
        measured = "-" if aim.measured is None else f"{aim.measured:.2f}" if not small else f"1/{1 / aim.measured:.1f}"
        bound = f"1/{1 / aim.at_most:.0f}" if small else f"{aim.at_most:g}"
        rows.append([aim.text, f"{measured} {aim.unit}", f"at most {bound} {aim.unit}", aim.verdict])
    return table(("Aim", "Measured", "Bound", "Verdict"), rows)


def costs_table(costs: Sequence[Cost]) -> str:
    """Return what single steps cost in a tight loop in this process."""
    return table(
        ("Step alone, in a tight loop", "µs", "GB/s"),
        [
            [
                cost.step,
                f"{cost.microseconds:,.2f}",
                f"{cost.gigabytes_per_second:.1f}" if cost.size_bytes >= 4096 else "-",
            ]
            for cost in costs
        ],
    )


def footprint_table(footprints: Sequence[Footprint]) -> str:
    """Return time to ready and resident memory of each server."""
    rows = [
        [
            one.server,
            _span(one.ready_spread, 2),
            f"{one.idle_bytes / 1e6:.0f}",
            f"{one.loaded_bytes / 1e6:.0f}" if one.loaded_bytes else "-",
        ]
        for one in footprints
    ]
    return table(("Server", "Ready after, s", "Idle, MB", "After the load, MB"), rows)
