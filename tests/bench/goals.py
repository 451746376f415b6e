"""The goals of the project, beside what one run of ./dev bench measured."""

import dataclasses

@dataclasses.dataclass
class Goal:
    what: str
    limit: float
    unit: str  # behind the number
    at_most: bool
    measured: dict  # median, min, max; or median alone
    form: str = ".2f"

    def reached(self):
        median = self.measured["median"]
        return median <= self.limit if self.at_most else median >= self.limit

    def goal_text(self):
        return f"{'≤' if self.at_most else '≥'} {self.limit:{self.form}}{self.unit}"

    def measured_text(self):
        found = self.measured
        text = f"{found['median']:{self.form}}{self.unit}"
        if "min" in found:
            text += f" ({found['min']:{self.form}} to {found['max']:{self.form}})"
        return text


def at_most(what, limit, unit, measured, form=".2f"):
    return Goal(what, limit, unit, True, measured, form)


def at_least(what, limit, unit, measured, form=",.0f"):
    return Goal(what, limit, unit, False, measured, form)


def ratio_goals(report):
    goals = []
    limits = {"ids-hot": 3, "ids-uniform": 5, "keys-hot": 2.5, "keys-uniform": 3.5}
    for section, suffix in (("rank", ""), ("tls", "-tls")):
        rows = report.get(section, {}).get("variants", {})
        for name, limit in limits.items():
            row = rows.get(f"{name}-500{suffix}")
            if row is not None:
                what = f"CPU of Rank / null RPC: {row['title']}"
                goals.append(at_most(what, limit, " ×", row["ratio"]))
    return goals


def peer_goals(report):
    row = report.get("rank", {}).get("variants", {}).get("ids-uniform-500", {})
    if "peer_ratio" not in row:
        return []
    what = f"CPU of Rank / plain C++ gRPC server: {row['title']}"
    return [at_most(what, 0.6, " ×", row["peer_ratio"])]


def quotient(a, b):
    return {"median": a["median"] / b["median"]}


def latency_goals(report):
    rows = report.get("rank", {}).get("variants", {})
    goals = []
    for name in ("ids-hot-500", "ids-uniform-500"):
        found = rows.get(name, {}).get("open_loop")
        if found is not None:
            what = f"p99 at half of the peak / null RPC's at half of its: {rows[name]['title']}"
            measured = quotient(found["rank"]["p99_us"], found["null"]["p99_us"])
            goals.append(at_most(what, 2, " ×", measured))
    found = rows.get("ids-uniform-300", {}).get("open_loop")
    if found is not None:
        in_ms = {key: us / 1000 for key, us in found["rank"]["p99_us"].items()}
        what = "p99 at half of the peak: 300 string ids, uniform"
        goals.append(at_most(what, 1, " ms", in_ms))
    return goals


def growth_goals(report):
    goals = []
    for name, row in report.get("rank", {}).get("growth", {}).items():
        grown = "users" if name == "users" else "videos"
        what = f"CPU of Rank with {row['many'][grown]:,} {grown} / with {row['few'][grown]:,}, uniform"
        goals.append(at_most(what, 1.5, " ×", row["ratio"]))
    return goals


def allocation_goals(report):
    rows = report.get("allocations", {})
    own = [row["own"] for name, row in rows.items() if name != "null"]
    if not own:
        return []
    what = "calls of malloc for a request, outside gRPC, after warm-up"
    return [at_most(what, 0.01, "", {"median": max(own)}, ".3f")]


def start_goals(report):
    row = report.get("start")
    if row is None:
        return []
    sizes = report["sizes"]["main"]
    what = f"first answer after a start, {sizes['videos']:,} videos, {sizes['users']:,} users"
    return [
        at_most(what, 3, " s", row["warm_seconds"]),
        at_most(what + ", nothing of the files in memory", 3, " s", row["cold_seconds"]),
        at_most("memory for a video", 256, " bytes", {"median": row["bytes_per_video"]}, ",.0f"),
        at_most(
            f"disk for a user with {row['signals_per_user']} signals",
            1024,
            " bytes",
            {"median": row["disk_bytes_per_user"]},
            ",.0f",
        ),
    ]


def signal_goals(report):
    row = report.get("signals")
    if row is None:
        return []
    goals = []
    for method, name in (("record", "RecordSignals"), ("stream", "StreamSignals")):
        rate, share = row[method]["signals_per_second"], row[method]["to_lmdb_batch"]
        goals.append(at_least(f"{name}: durable signals/s", 300000, "", rate))
        goals.append(at_least(f"{name} / bare LMDB appends", 0.6, " ×", share, ".2f"))
    return goals


def replay_goals(report):
    row = report.get("replay")
    if row is None:
        return []
    candidates = {"median": row["ranking"]["candidates_per_second"]}
    events = {"median": row["files"]["events_per_second"]}
    return [
        at_least("replay: candidates/s of one processor", 2000000, "", candidates),
        at_least("replay: events/s of one processor", 200000, "", events),
    ]


def goals_of(report):
    """Those that the report's sections tell of."""
    makers = (
        ratio_goals,
        peer_goals,
        latency_goals,
        allocation_goals,
        signal_goals,
        start_goals,
        growth_goals,
        replay_goals,
    )
    return [goal for maker in makers for goal in maker(report)]
