"""The report of ./dev bench as a page in Markdown with plots, around what people write there."""

import os
import shutil
import subprocess

from harness import give_up
from tables import KINDS, facts_text, tables

BY_HAND = (
    "<!-- by hand: kept when the page is made again -->\n",
    "<!-- end of what is by hand -->\n",
)
FIRST_BY_HAND = "## Where the instructions go\n\n`./dev bench profile` tells.\n"
METHOD = """\
## Method

- **One run.** All servers of a section run at the same time, pinned to one processor; the load has the other one. Each round measures every row once, in random
  order, for the same time, after a round that only warms up. A ratio is that of one round; what is shown is the median of the rounds, with the least and the most.
- **CPU** is the time that all threads of the server's process were on a processor (`/proc/PID/task/*/schedstat`) over the calls that were answered. A run in which other
  processes took more than 8 % of the machine is made again, three times at most, and the least disturbed one counts.
- **The null RPC** is `tests/bench/null_server.c`: gRPC's C core with the options of our own server, which does not look at the request and answers with as many zeros as
  Rank's answer has bytes. It gets the same requests.
- **Rank** is the shipped server with its default options and `config/weights.yaml`: metrics are on, one answer in a hundred is journaled, nothing is explained; one worker. Only
  the control of overload is off (`--queue-delay-ms 0`), since a refused call cannot be compared. Before anything but a start is measured, users and statistics that the start left on disk are
  back in memory.
- **The C++ server** is `tests/bench/peer_server.cc`: gRPC's asynchronous C++ API, Debian's shared libraries, protobuf; for each candidate a look-up in a hash table in memory and a
  dot product of 12 features, then `std::sort`. It knows no users, policy, statistics or slates.
- **Requests** are 1,000 different ones, which the load goes round in. Popular candidates are always the same ones in another order, so all that is read of them is in the
  processor's caches; uniform ones are drawn from all videos, and are not. Every answer's size is compared with that of one whose contents were checked: no candidate is dropped.
- **Latency** is measured in an open loop: calls are due at fixed times, whatever the server does, and the time counts from when a call was due, so waiting before it could be
  sent is in it (no coordinated omission). Each server gets half of what it answered in the closed loop.
- **Allocations** are counted by a library that is loaded into the server (`tests/bench/allocations.c`), by the place that asks. Places in code with no debug information of ours,
  in C++ or in OpenSSL are gRPC's.
- **Starts** are from a checkpoint, from the process's start until the answer of a Rank is there. "Files on disk" means that the system had none of them in memory.
"""


def table_text(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def by_hand(path):
    """What people wrote in the page that is there."""
    if not os.path.exists(path):
        return FIRST_BY_HAND
    with open(path) as file:
        text = file.read()
    if BY_HAND[0] not in text or BY_HAND[1] not in text:
        give_up(f"{path} has no part between {BY_HAND[0].strip()} and {BY_HAND[1].strip()}")
    return text.split(BY_HAND[0])[1].split(BY_HAND[1])[0]


# --- plots --------------------------------------------------------------------------------------

PLOT_HEAD = """\
set terminal svg size 860,{height} font "sans-serif,12" background "white"
set output "{output}"
set style fill solid noborder
set border 1
set tics nomirror
set grid xtics lc rgb "#dddddd"
set key outside top center horizontal
set lmargin 34
set xlabel "{label}"
set xrange [{low}:*]
set yrange [{bottom}:0.6]
set ytics ({names})
"""
LOG_LOW = 10  # us, below any latency
GREY, BLUE, ORANGE = "#9a9a9a", "#2f6fb0", "#d9822b"


def draw_block(number, values, thickness, offset, low):
    """Data of a series: each bar as value, place, and its four sides."""
    lines = [f"$series{number} << END"]
    for i, value in enumerate(values):
        if value is not None:
            y = -i + offset
            lines.append(f"{value} {y} {low} {value} {y - thickness / 2} {y + thickness / 2}")
    return "\n".join([*lines, "END"]) + "\n"


def draw(output, label, series, names, log=False):
    """Bars below each other: series is [(title, colour, values)], names stand on the left."""
    low = LOG_LOW if log else 0
    thickness = 0.8 / len(series)
    ticks = ", ".join(f'"{name}" {-i}' for i, name in enumerate(names))
    script = PLOT_HEAD.format(
        height=110 + 15 * len(series) * len(names),
        output=output,
        label=label,
        low=low,
        bottom=0.4 - len(names),
        names=ticks,
    )
    script += "set logscale x\n" if log else ""
    for i, (_, _, values) in enumerate(series):
        script += draw_block(i, values, thickness, 0.4 - thickness * (i + 0.5), low)
    script += "plot " + ", ".join(
        f'$series{i} using 1:2:3:4:5:6 with boxxyerror title "{title}" lc rgb "{colour}"'
        for i, (title, colour, _) in enumerate(series)
    )
    subprocess.run(["gnuplot"], input=script + "\n", text=True, check=True)


def medians(rows, *keys):
    found = []
    for row in rows:
        for key in keys:
            row = row.get(key) if row is not None else None
        found.append(row["median"] if row is not None else None)
    return found


def draw_cpu(report, output):
    rows = list(report["rank"]["variants"].values()) + list(
        report.get("tls", {}).get("variants", {}).values()
    )
    series = [
        ("null RPC, same bytes", GREY, medians(rows, "null", "cpu_us")),
        ("Rank", BLUE, medians(rows, "rank", "cpu_us")),
        ("plain C++ server", ORANGE, medians(rows, "peer", "cpu_us")),
    ]
    draw(output, "CPU for a call, us", series, [row["title"] for row in rows])


def draw_latency(report, output):
    rows = [row for row in report["rank"]["variants"].values() if "open_loop" in row]
    series = []
    for kind, colours in (("null", ("#c4c4c4", GREY)), ("rank", ("#9cc3e8", BLUE))):
        for key, colour in zip(("p50_us", "p99_us"), colours):
            title = f"{KINDS[kind]}, {key[:3]}"
            series.append((title, colour, medians(rows, "open_loop", kind, key)))
    draw(output, "us, from when a call was due", series, [row["title"] for row in rows], log=True)


# Under the table's title: the plot's name, what draws it, and what it shows.
PLOTS = {
    "CPU of a ranking": ("cpu", draw_cpu, "CPU of a call: null server, Rank, C++ server"),
    "Latency": ("latency", draw_latency, "Latency of Rank and of the null RPC"),
}


def plot_text(report, title, path):
    """The line that shows a table's plot; nothing without gnuplot."""
    if title not in PLOTS or shutil.which("gnuplot") is None:
        return ""
    name, draw_plot, alternative = PLOTS[title]
    stem = os.path.splitext(os.path.basename(path))[0]
    relative = f"plots/{stem}-{name}.svg"
    output = os.path.join(os.path.dirname(os.path.abspath(path)), relative)
    os.makedirs(os.path.dirname(output), exist_ok=True)
    draw_plot(report, output)
    return f"![{alternative}]({relative})\n\n"


# --- page ---------------------------------------------------------------------------------------


def write_page(report, path):
    kept = by_hand(path)
    text = f"# Performance\n\nMade by `{report['command']}`; figures are of one run. "
    text += facts_text(report) + "\n"
    text += "What the other commands measure stands in [benchmarks.md](benchmarks.md).\n"
    for title, note, heads, rows in tables(report):
        text += f"\n## {title}\n\n" + (note + "\n\n" if note else "")
        text += plot_text(report, title, path) + table_text(heads, rows)
    text += f"\n{METHOD}\n{BY_HAND[0]}{kept}{BY_HAND[1]}"
    with open(path, "w") as file:
        file.write(text)
