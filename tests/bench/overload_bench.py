"""What a server does with five times what it can do: goodput, latency, memory, and how soon it is over."""

import os
import subprocess
import tempfile

from exposition import quantile, scrape
from harness import (
    DEFAULT_DATA,
    SIGNALS_PER_USER,
    Server,
    complete_programs,
    complete_sizes,
    give_up,
    make_parser,
    median,
    need_at_least_1,
    observe,
    prepare_data,
    processors,
    run_json,
    say,
    show,
)
from overload_mix import CLOSED_STREAMS, CONNECTIONS, Mix, copy_store, print_mix

EPILOG = """\
examples:
  ./dev bench overload                      100,000 videos, 3 rounds of 10 seconds
  ./dev bench overload --seconds 180        minutes of overload
  ./dev bench overload --factor 10 --json

Peak is what a closed loop with 64 calls under way reaches. Then calls are due at a multiple of it, on 8
connections that carry --streams calls at a time (the server allows 100); a call that finds no room on any of
them within --patience-ms is given up, as by a client whose deadline is over. Latencies of answers count from
when a call was due. In the second after the load's end, half of the peak is offered.

The goodput share is the figure to look at; on a machine with other work, or where load and server share
processors, absolute figures say little.
"""

MIB = 1 << 20


class Bench:
    def __init__(self, options, folder, store, pool):
        self.options = options
        self.pool = pool
        self.server_processor, self.load_processor = processors()
        words = ["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--data", store]
        words += ["--weights", options.weights, "--overload", options.overload]
        log = os.path.join(folder, "serve.log")
        words += ["--admin-listen", "127.0.0.1:0"]
        self.server = Server([options.reelrank, *words], self.server_processor, log)
        self.admin = self.server.process.stdout.readline().split()[-1]

    def load(self, *words):
        command = [self.options.load, "--port", str(self.server.port), "--pool", self.pool]
        command += ["--connections", str(CONNECTIONS), *map(str, words)]
        before = scrape(self.admin)
        result = observe(self.server, lambda: run_json(command, self.load_processor))
        other = result["failures"] - result["refused"]
        if other > 0:
            give_up(f"{other} calls failed otherwise than by a refusal")
        result["good_rps"] = result["good"] / result["seconds"]
        result["good_cpu_rps"] = result["good"] / (result["server_cpu_ns"] / 1e9)
        result["queue_p99_us"] = quantile(before, scrape(self.admin), "reelrank_queue_duration_seconds", 0.99) * 1e6
        result["resident"] = self.server.memory()["RssAnon"]
        return result

    def peak(self, seconds):
        return self.load("--requests", 0, "--seconds", seconds, "--streams", CLOSED_STREAMS)

    def offer(self, rate, seconds, streams):
        return self.load(
            *("--requests", 0, "--seconds", seconds, "--rate", int(rate), "--streams", streams),
            *("--patience-ms", self.options.patience_ms),
        )

    def round(self, number, streams):
        options = self.options
        say(options, f"round {number} of {options.rounds}: peak")
        peak = self.peak(options.peak_seconds)
        say(options, f"round {number}: {options.factor} times {peak['good_rps']:.0f} calls/s, {streams} a connection")
        over = self.offer(options.factor * peak["good_rps"], options.seconds, streams)
        after = self.offer(peak["good_rps"] / 2, 1, streams)
        calm = self.offer(peak["good_rps"] / 2, 3, streams)
        return {"peak": peak, "over": over, "after": after, "calm": calm}

    def rounds(self):
        numbers = range(1, self.options.rounds + 1)
        return [row_of(self.round(n, streams), streams) for n in numbers for streams in self.options.streams]


def row_of(found, streams):
    """The figures of one round."""
    peak, over, after, calm = (found[key] for key in ("peak", "over", "after", "calm"))
    return {
        "streams": streams,
        "peak_rps": peak["good_rps"],
        "offered_rps": (over["requests"] + over["given_up"]) / over["seconds"],
        "good_rps": over["good_rps"],
        "goodput_share": over["good_rps"] / peak["good_rps"],
        "goodput_cpu_share": over["good_cpu_rps"] / peak["good_cpu_rps"],
        "second_p99_ratio": over["second_p99_us"] / peak["second_p99_us"],
        "peak_second_p99_us": peak["second_p99_us"],
        "over_second_p99_us": over["second_p99_us"],
        "refused_rps": over["refused"] / over["seconds"],
        "given_up_rps": over["given_up"] / over["seconds"],
        "peak_p99_us": peak["p99_us"],
        "over_p50_us": over["p50_us"],
        "over_p99_us": over["p99_us"],
        "peak_queue_p99_us": peak["queue_p99_us"],
        "over_queue_p99_us": over["queue_p99_us"],
        "p99_ratio": over["p99_us"] / peak["p99_us"],
        "resident_growth": over["resident"] - peak["resident"],
        "after_refused": after["refused"],
        "after_given_up": after["given_up"],
        "after_p99_us": after["p99_us"],
        "calm_p99_us": calm["p99_us"],
        "others": max(part["others"] for part in found.values()),
    }


def ms(key):
    return lambda row: f"{row[key] / 1e3:.1f}"


COLUMNS = [
    ("calls", 6, lambda row: CONNECTIONS * row["streams"]),
    ("peak/s", 8, lambda row: f"{row['peak_rps']:.0f}"),
    ("offered", 9, lambda row: f"{row['offered_rps']:.0f}"),
    ("good", 8, lambda row: f"{row['good_rps']:.0f}"),
    ("share", 7, lambda row: f"{row['goodput_share']:.2f}"),
    ("of CPU", 8, lambda row: f"{row['goodput_cpu_share']:.2f}"),
    ("refused", 9, lambda row: f"{row['refused_rps']:.0f}"),
    ("given up", 10, lambda row: f"{row['given_up_rps']:.0f}"),
    ("p99 peak", 10, ms("peak_second_p99_us")),
    ("p50", 7, ms("over_p50_us")),
    ("p99 ms", 8, ms("over_second_p99_us")),
    ("ratio", 7, lambda row: f"{row['second_p99_ratio']:.1f}"),
    ("whole", 8, ms("over_p99_us")),
    ("queue", 7, ms("over_queue_p99_us")),
    ("MiB", 5, lambda row: f"{row['resident_growth'] / MIB:.0f}"),
    ("after", 11, lambda row: f"{row['after_refused']}+{row['after_given_up']}"),
    ("p99", 7, ms("after_p99_us")),
    ("calm", 7, ms("calm_p99_us")),
    ("others", 8, lambda row: f"{row['others']:.0%}"),
]


def print_alone(report):
    print(f"{report['factor']} times the peak for {report['seconds']} s, {report['candidates']} candidates,", end=" ")
    print(f"{CONNECTIONS} connections, --overload {report['overload']}, patience {report['patience_ms']} ms\n")
    print("".join(f"{name:>{width}}" for name, width, _ in COLUMNS))
    for row in report["rounds"]:
        print("".join(f"{form(row):>{width}}" for _, width, form in COLUMNS))
    print("\nMedians")
    for streams in report["streams"]:
        rows = [row for row in report["rounds"] if row["streams"] == streams]
        share, cpu_share, ratio = (median(rows, key) for key in ("goodput_share", "goodput_cpu_share", "second_p99_ratio"))
        print(f"{CONNECTIONS * streams} calls under way at most: goodput {share:.2f} of the peak,", end=" ")
        print(f"{cpu_share:.2f} for the server's CPU; p99 {ratio:.1f} times")
    print("good: answered, refused: by the server, given up: by the client")
    print("p99 ms, p99 peak: medians of each second's; whole: of the whole time, with the machine's bad seconds")
    print("of CPU: answers for a second of the server's CPU, beside the peak's")
    print("queue: p99 of the wait of answered calls from when their worker had read them")
    print("after: calls refused and given up in the second behind the overload, at half of the peak, and the p99 then")


def print_report(report):
    if report["rounds"]:
        print_alone(report)
    if report["beside"]:
        print_mix(report["beside"], report)


def main(words):
    parser = make_parser("./dev bench overload", __doc__, EPILOG)
    add = parser.add_argument
    add("--videos", type=int, metavar="N", help="videos in the catalogue (100000)")
    add("--users", type=int, metavar="N", help="users, with 20 signals each (10000)")
    add("--candidates", type=int, default=500, metavar="N", help="candidates of a request (500)")
    add("--rounds", type=int, metavar="N", help="rounds (3)")
    add("--seconds", type=int, metavar="N", help="of overload in each round (10)")
    add("--factor", type=int, default=5, metavar="N", help="times the peak (5)")
    add("--streams", type=int, action="append", metavar="N", help="calls on a connection, may be given again (16, 100)")
    add("--patience-ms", type=int, default=5, metavar="N", help="until a client gives a call up (5)")
    add("--overload", default="reject", metavar="HOW", help="reject or degrade (reject)")
    add("--part", action="append", choices=["alone", "beside"], metavar="PART",
        help="alone: rankings; beside: signals too; may be given again (both)")
    add("--quick", action="store_true", help="1 round of 3 seconds")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is kept (%(default)s)")
    add("--weights", default="config/weights.yaml", metavar="FILE", help="(%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    options = parser.parse_args(words)
    full = {"videos": 100000, "users": 10000, "rounds": 3, "seconds": 10}
    quick = {"videos": 100000, "users": 10000, "rounds": 1, "seconds": 3}
    complete_sizes(options, full, quick)
    options.streams = options.streams or [16, 100]
    options.part = options.part or ["alone", "beside"]
    need_at_least_1(options, "videos", "candidates", "rounds", "seconds", "factor")
    options.signals_per_user = SIGNALS_PER_USER
    options.peak_seconds = min(5, options.seconds)
    complete_programs(options, "fill", "load", "requests", "signals")
    folder, _ = prepare_data(options)
    pool = os.path.join(folder, f"overload-{options.candidates}.pool")
    draw = ["--videos", options.videos, "--users", options.users, "--candidates", options.candidates]
    subprocess.run([options.requests, "--output", pool, *map(str, draw)], check=True)
    report = {key: getattr(options, key) for key in ("factor", "seconds", "candidates", "streams", "patience_ms", "overload")}
    with tempfile.TemporaryDirectory(dir=options.data, prefix="overload-") as scratch:
        bench = Bench(options, folder, copy_store(folder, scratch), pool)
        try:
            bench.peak(1)  # warms up
            report["rounds"] = bench.rounds() if "alone" in options.part else []
            report["beside"] = Mix(options, bench).rounds() if "beside" in options.part else []
        finally:
            bench.server.stop()
    show(options, report, print_report)
