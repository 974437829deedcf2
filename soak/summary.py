"""What a soak has shown, for people and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cli.output import draw, line, table
from soak.cases import Case
from soak.ending import Account
from soak.soaking import Soak


def summary(soak: Soak, account: Account, seconds: float) -> dict[str, Any]:
    """`seconds`: for how long faults happened; the waits for the last links count as well."""
    lasted_s = soak.now_s - soak.warm_s
    wanted_s = lasted_s * len(soak.bed.ids)
    down_s = sum(sum(case.down_s.values()) for case in soak.done)
    budget_s = sum(case.budget_s * len(case.before) for case in soak.done)
    return {
        "seed": soak.seed,
        "instances": len(soak.bed.ids),
        "asked_s": seconds,
        "lasted_s": round(lasted_s, 1),
        "faults": len(soak.done),
        "links_hit": sum(len(case.before) for case in soak.done),
        "down_s": round(down_s, 1),
        "budget_s": round(budget_s, 1),
        "availability": round(1 - down_s / wanted_s, 6),
        "availability_budget": round(1 - budget_s / wanted_s, 6),
        "availability_by_the_server": account.own_availability,
        "api_without_answer": soak.api_failures,
        "sends_refused": soak.traffic.refused,
        "account": asdict(account),
        "before": None if soak.baseline is None else asdict(soak.baseline),
        "rows": by_fault(soak.done),
        "violations": [{"at_s": round(at_s, 1), "text": text} for text, at_s in soak.found.items()],
        "held": not soak.found and down_s <= budget_s,
    }


def by_fault(cases: Sequence[Case]) -> list[dict[str, Any]]:
    kinds = list(dict.fromkeys(case.fault for case in cases))
    return sorted((fault_row([c for c in cases if c.fault is kind]) for kind in kinds), key=row_order)


def row_order(row: dict[str, Any]) -> tuple[int, str]:
    return int(row["row"] or 99), row["what"]


def fault_row(cases: Sequence[Case]) -> dict[str, Any]:
    """All cases of one fault."""
    times_s = [seconds for case in cases for seconds in case.down_s.values()]
    budget_s = [case.budget_s for case in cases for _ in case.before]
    late = sum(seconds > case.budget_s for case in cases for seconds in case.down_s.values())
    return {
        "row": cases[0].fault.row,
        "what": cases[0].fault.what,
        "times": len(cases),
        "links": len(times_s),
        "mean_s": round(sum(times_s) / len(times_s), 2),
        "most_s": round(max(times_s), 2),
        "budget_s": round(sum(budget_s) / len(budget_s), 2),
        "late": late,
    }


def shown(found: dict[str, Any]) -> None:
    """Print it."""
    columns = ("row", "fault", "times", "links", "down, mean s", "most", "budget, mean s", "later")
    keys = ("row", "what", "times", "links", "mean_s", "most_s", "budget_s", "late")
    draw(table(columns, [[row[key] for key in keys] for row in found["rows"]]))
    account = found["account"]
    line(f"{found['instances']} instances, {found['lasted_s']:.0f} s, seed {found['seed']}")
    line(f"{found['faults']} faults hit {found['links_hit']} links")
    line(
        f"availability {found['availability']:.3%}; computed budget {found['availability_budget']:.3%} "
        f"({found['down_s']:.0f} of {found['budget_s']:.0f} s down)"
    )
    line(
        f"events: {account['events_acknowledged']} acknowledged, {account['events_journalled']} in the journal, "
        f"{account['events_lost']} lost"
    )
    line(
        f"messages: {account['messages_accepted']} accepted, {account['messages_arrived']} arrived, "
        f"{account['messages_repeated']} repeated, {account['messages_unread']} written to a dead connection, "
        f"{found['sends_refused']} refused"
    )
    for one in found["violations"]:
        line(f"violated after {one['at_s']:.1f} s: {one['text']}")
    line("every invariant held" if found["held"] else "NOT every invariant held")
