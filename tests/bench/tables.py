"""The report of ./dev bench as tables, which a terminal and a page show in their own ways."""

from goals import goals_of
from harness import OTHERS_LIMIT
from sections import STEPS

KINDS = {"rank": "Rank", "null": "null", "peer": "C++"}


def middle(found, form=".1f"):
    return f"{found['median']:{form}}"


def with_range(found, form=".2f"):
    return f"{found['median']:{form}} ({found['min']:{form}} to {found['max']:{form}})"


def goal_rows(report):
    return [
        [goal.what, goal.goal_text(), goal.measured_text(), "yes" if goal.reached() else "**no**"]
        for goal in goals_of(report)
    ]


def variant_rows(variants):
    return [
        [row["title"], with_range(row["ratio"])]
        + [middle(row[kind]["cpu_us"]) for kind in ("rank", "null")]
        + [middle(row[kind]["rps"], ",.0f") for kind in ("rank", "null")]
        for row in variants.values()
    ]


VARIANT_HEADS = ["candidates", "Rank / null", "Rank, us", "null, us"]
VARIANT_HEADS += ["Rank, calls/s", "null, calls/s"]


def peer_rows(variants):
    return [
        [row["title"], with_range(row["peer_ratio"])]
        + [middle(row[kind]["cpu_us"]) for kind in ("rank", "peer")]
        + [middle(row["peer"]["rps"], ",.0f")]
        for row in variants.values()
        if "peer" in row
    ]


PEER_HEADS = ["candidates", "Rank / C++", "Rank, us", "C++, us", "C++, calls/s"]


def latency_rows(report):
    rows = []
    for row in report["rank"]["variants"].values():
        for kind, found in row.get("open_loop", {}).items():
            figures = [middle(found[key], ",.0f") for key in ("p50_us", "p99_us", "p999_us")]
            p99 = found["p99_us"]
            spread = f"{p99['min']:,.0f} to {p99['max']:,.0f}"
            rows.append([row["title"], KINDS[kind], f"{found['rate']:,}", *figures, spread])
    return rows


LATENCY_HEADS = ["candidates", "server", "calls/s", "p50", "p99", "p99.9", "p99, range"]


def step_rows(report):
    return [
        [row["title"]] + [f"{row[step + '_ns']:.1f}" for step in STEPS]
        for row in report["steps"].values()
    ]


def allocation_rows(report):
    return [
        [row["title"], f"{row['own']:.3f}", f"{row['grpc']:.1f}"]
        for row in report["allocations"].values()
    ]


def allocation_places(report):
    """The project's own that are not rare, of the first variant that has some."""
    for row in report["allocations"].values():
        places = [place for place in row["places"] if place["per_request"] >= 0.001]
        if places:
            return places
    return []


def start_rows(report):
    row = report["start"]
    return [
        ["first answer, files in memory, s", with_range(row["warm_seconds"])],
        ["first answer, files on disk, s", with_range(row["cold_seconds"])],
        ["resident, MiB", f"{row['resident_bytes'] / 2**20:,.0f}"],
        ["file pages, MiB", f"{row['file_bytes'] / 2**20:,.0f}"],
        ["memory for a video, bytes", f"{row['bytes_per_video']:,.0f}"],
        [
            f"disk for a user with {row['signals_per_user']} signals, bytes",
            f"{row['disk_bytes_per_user']:,.0f}",
        ],
    ]


SIGNAL_ROWS = [
    ("server / LMDB, a sync for each batch", "to_lmdb_batch", ".2f"),
    ("server / LMDB, the server's grouping", "to_lmdb_grouped", ".2f"),
    ("signals/s", "signals_per_second", ",.0f"),
    ("signals that share a sync", "signals_per_sync", ",.0f"),
    ("server CPU, ns a signal", "server_cpu_ns", ",.0f"),
]


def signal_rows(report):
    found = report["signals"]
    rows = []
    for name, key, form in SIGNAL_ROWS:
        cells = [with_range(found[method][key], form) for method in ("record", "stream")]
        rows.append([name, *cells])
    for key in ("p50_us", "p99_us"):
        cells = []
        for method in ("record", "stream"):
            in_ms = {name: us / 1000 for name, us in found[method]["open_loop"][key].items()}
            cells.append(with_range(in_ms, ".1f"))
        rows.append([f"acknowledged at half of that rate, {key[:-3]}, ms", *cells])
    return rows


def replay_rows(report):
    row = report["replay"]
    events, ranking, parity = row["files"], row["ranking"], row["parity"]
    return [
        ["`replay ranking`, JSON Lines, events/s", f"{events['events_per_second']:,.0f}"],
        ["`replay ranking`, a journal, candidates/s", f"{ranking['candidates_per_second']:,.0f}"],
        ["`replay parity`, candidates/s", f"{parity['candidates_per_second']:,.0f}"],
    ]


def sizes_text(sizes):
    return f"{sizes['videos']:,}, {sizes['users']:,}, {sizes['signals_per_user']}"


def growth_rows(report):
    return [
        [sizes_text(found["few"]), sizes_text(found["many"]), with_range(found["ratio"])]
        for found in report["rank"]["growth"].values()
    ]


def reload_rows(report):
    names = ("swaps", "answers_checked", "versions_seen", "growth_kib")
    return [[name.replace("_", " "), f"{report['reloads'][name]:,}"] for name in names]


def others_text(report):
    shares = [report[name]["others"] for name in ("rank", "tls") if name in report]
    if not shares:
        return ""
    typical = max(share["median"] for share in shares)
    most = max(share["max"] for share in shares)
    text = f"Others took {typical:.0%} of the machine in a typical run, {most:.0%} at most."
    if typical > OTHERS_LIMIT:
        text += " That is too much: measure again when the machine has nothing else to do."
    return text


def rank_tables(report):
    rows = report["rank"]["variants"]
    note = "CPU of the server's process for a call, 64 under way, one worker; medians and range."
    found = [("CPU of a ranking", note, VARIANT_HEADS, variant_rows(rows))]
    found.append(("Beside a plain C++ server", "", PEER_HEADS, peer_rows(rows)))
    note = "CPU with more over CPU with fewer, 500 string ids, uniform."
    heads = ["videos, users, signals of each", "videos, users, signals of each", "ratio"]
    found.append(("Growth", note, heads, growth_rows(report)))
    note = "At half of each server's own peak, from when a call was due, us; medians of the rounds."
    found.append(("Latency", note, LATENCY_HEADS, latency_rows(report)))
    return found


def tls_tables(report):
    rows = variant_rows(report["tls"]["variants"])
    return [("In TLS", "Both servers.", VARIANT_HEADS, rows)]


def step_tables(report):
    steps = "; ".join(f"{name}: {text}" for name, text in STEPS.items())
    note = f"In process, ns for a candidate, medians. {steps}."
    return [("Where the time goes", note, ["candidates", *STEPS], step_rows(report))]


def allocation_tables(report):
    note = "Calls of malloc and its relatives for a request, after warm-up."
    heads = ["candidates", "outside gRPC", "gRPC's own"]
    rows = []
    for place in allocation_places(report):
        rows.append([place["function"], place["place"], f"{place['per_request']:.3f}"])
    return [
        ("Allocations", note, heads, allocation_rows(report)),
        ("Who allocates outside gRPC", "", ["function", "place", "a request"], rows),
    ]


def start_tables(report):
    return [("Start, memory, disk", "", ["what", "measured"], start_rows(report))]


def signal_tables(report):
    found = report["signals"]
    note = f"Batches of {found['batch']}, {found['connections']} connections, "
    note += f"{found['videos']:,} videos, {found['users']:,} users."
    return [("Signals", note, ["", "RecordSignals", "StreamSignals"], signal_rows(report))]


def replay_tables(report):
    note = "For a second of one processor, of the whole process."
    return [("Replay", note, ["what", "measured"], replay_rows(report))]


def reload_tables(report):
    return [("Reloads under load", "", ["what", "measured"], reload_rows(report))]


OTHER_GOALS = (
    "Not in this run: parity of served answers (./dev bench parity), kills (./dev faults), overload "
    "(./dev bench overload), users with 50 signals on disk (./dev bench sizes), fuzzed inputs (./dev fuzz)."
)
TABLES = {
    "rank": rank_tables,
    "tls": tls_tables,
    "steps": step_tables,
    "allocations": allocation_tables,
    "start": start_tables,
    "signals": signal_tables,
    "replay": replay_tables,
    "reloads": reload_tables,
}


def tables(report):
    """[(title, note, heads, rows)] of what the report has, goals first."""
    found = [("Goals", OTHER_GOALS, ["what", "goal", "measured", "reached"], goal_rows(report))]
    failures = [[name, text] for name, text in report["failed"].items()]
    found.append(("Not measured", "", ["section", "why"], failures))
    for name, make in TABLES.items():
        if name in report:
            found += make(report)
    return [table for table in found if table[3]]


def facts_text(report):
    machine, sizes = report["machine"], report["sizes"]["main"]
    memory = f"{machine['memory_gib']:.0f} GiB"
    processors = f"{machine['processors']} × {machine['processor']}, {memory}"
    users = f"{sizes['users']:,} users with {sizes['signals_per_user']} signals each"
    return (
        f"{machine['date']}, commit {machine['commit']}. {processors}, {machine['system']}, "
        f"Linux {machine['kernel']}. {sizes['videos']:,} videos, {users}. Rounds: "
        f"{report['rounds']}; each server {report['seconds']} s in each. {others_text(report)}"
    )


def print_report(report):
    print(facts_text(report))
    for title, note, heads, rows in tables(report):
        print(f"\n{title}" + (f"\n{note}" if note else ""))
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        for row in [heads, *rows]:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  ".join(cells).replace("**", "").replace("`", "").rstrip())
