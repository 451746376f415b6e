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
    rows = []
    for row in variants.values():
        peer = row.get("peer_ratio")
        rows.append(
            [row["title"], with_range(row["ratio"])]
            + [with_range(peer) if peer else ""]
            + [middle(row[kind]["cpu_us"]) if kind in row else "" for kind in KINDS]
            + [middle(row[kind]["rps"], ",.0f") for kind in ("rank", "null")]
        )
    return rows


VARIANT_HEADS = ["candidates", "Rank / null", "Rank / C++", "Rank, us", "null, us", "C++, us"]
VARIANT_HEADS += ["Rank, calls/s", "null, calls/s"]


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
        rows.append([name] + [with_range(found[method][key], form) for method in ("record", "stream")])
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


def growth_rows(report):
    rows = []
    main = report["sizes"]["main"]
    for found in report["rank"]["growth"].values():
        few, many = sorted([found, main], key=lambda sizes: sizes["videos"])
        rows.append(
            [f"{few['videos']:,}, {few['users']:,}", f"{many['videos']:,}, {many['users']:,}"]
            + [with_range(found["ratio"])]
        )
    return rows


def reload_rows(report):
    names = ("swaps", "answers_checked", "versions_seen", "growth_kib")
    return [[name.replace("_", " "), f"{report['reloads'][name]:,}"] for name in names]


def others_text(report):
    shares = [report[name]["others"] for name in ("rank", "tls") if name in report]
    if not shares:
        return ""
    typical = max(share["median"] for share in shares)
    most = max(share["max"] for share in shares)
    text = f"Other processes took {typical:.0%} of the machine in a typical run, {most:.0%} at most."
    if typical > OTHERS_LIMIT:
        text += " That is too much: measure again when the machine has nothing else to do."
    return text


def tables(report):
    """[(title, note, heads, rows)] of what the report has, ratios first."""
    found = [("Goals", "", ["what", "goal", "measured", "reached"], goal_rows(report))]
    if "rank" in report:
        note = "CPU of the server's process for a call, 64 under way, one worker; medians and range."
        found.append(("CPU of a ranking", note, VARIANT_HEADS, variant_rows(report["rank"]["variants"])))
        found.append(("Growth", "CPU with more over CPU with fewer.",
                      ["videos, users", "videos, users", "ratio"], growth_rows(report)))
    if "tls" in report:
        found.append(("In TLS", "Both servers.", VARIANT_HEADS, variant_rows(report["tls"]["variants"])))
    if "rank" in report and latency_rows(report):
        note = "At half of each server's own peak, from when a call was due, us; medians of the rounds."
        found.append(("Latency", note, LATENCY_HEADS, latency_rows(report)))
    if "steps" in report:
        note = "In process, ns for a candidate, medians: "
        note += "; ".join(f"{name}: {text}" for name, text in STEPS.items()) + "."
        found.append(("Where the time goes", note, ["candidates", *STEPS], step_rows(report)))
    if "allocations" in report:
        note = "Calls of malloc and its relatives for a request, after warm-up."
        heads = ["candidates", "outside gRPC", "gRPC's own"]
        found.append(("Allocations", note, heads, allocation_rows(report)))
        places = allocation_places(report)
        if places:
            rows = [[p["function"], p["place"], f"{p['per_request']:.3f}"] for p in places]
            found.append(("Who allocates outside gRPC", "", ["function", "place", "a request"], rows))
    if "start" in report:
        found.append(("Start, memory, disk", "", ["what", "measured"], start_rows(report)))
    if "signals" in report:
        heads = ["", "RecordSignals", "StreamSignals"]
        note = f"Batches of {report['signals']['batch']}, {report['signals']['connections']} connections."
        found.append(("Signals", note, heads, signal_rows(report)))
    if "replay" in report:
        note = "For a second of one processor, of the whole process."
        found.append(("Replay", note, ["what", "measured"], replay_rows(report)))
    if "reloads" in report:
        found.append(("Reloads under load", "", ["what", "measured"], reload_rows(report)))
    return found


def facts_text(report):
    machine, sizes = report["machine"], report["sizes"]["main"]
    return (
        f"{machine['date']}, commit {machine['commit']}. {machine['processors']} × {machine['processor']}, "
        f"{machine['memory_gib']:.0f} GiB, {machine['system']}, Linux {machine['kernel']}. "
        f"{sizes['videos']:,} videos, {sizes['users']:,} users with {sizes['signals_per_user']} signals each. "
        f"Rounds: {report['rounds']}; each server {report['seconds']} s in each. {others_text(report)}"
    )


def print_report(report):
    print(facts_text(report))
    for title, note, heads, rows in tables(report):
        if not rows:
            continue
        print(f"\n{title}" + (f"\n{note}" if note else ""))
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        for row in [heads, *rows]:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  ".join(cells).replace("**", "").replace("`", "").rstrip())
