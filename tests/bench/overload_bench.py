"""What a server does with five times what it can do: goodput, latency, memory, and how soon it is over."""

import os
import statistics
import subprocess

from harness import (
    DEFAULT_DATA,
    SIGNALS_PER_USER,
    Server,
    complete_programs,
    complete_sizes,
    give_up,
    make_parser,
    need_at_least_1,
    observe,
    prepare_data,
    processors,
    run_json,
    say,
    show,
)

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

CONNECTIONS = 8
CLOSED_STREAMS = 8
MIB = 1 << 20


class Bench:
    def __init__(self, options, folder, pool):
        self.options = options
        self.pool = pool
        self.server_processor, self.load_processor = processors()
        words = ["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--data", os.path.join(folder, "store")]
        words += ["--weights", options.weights, "--overload", options.overload]
        log = os.path.join(folder, "serve.log")
        self.server = Server([options.reelrank, *words], self.server_processor, log)

    def load(self, *words):
        command = [self.options.load, "--port", str(self.server.port), "--pool", self.pool]
        command += ["--connections", str(CONNECTIONS), *map(str, words)]
        result = observe(self.server, lambda: run_json(command, self.load_processor))
        other = result["failures"] - result["refused"]
        if other > 0:
            give_up(f"{other} calls failed otherwise than by a refusal")
        result["good_rps"] = result["good"] / result["seconds"]
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
        "refused_rps": over["refused"] / over["seconds"],
        "given_up_rps": over["given_up"] / over["seconds"],
        "peak_p99_us": peak["p99_us"],
        "over_p50_us": over["p50_us"],
        "over_p99_us": over["p99_us"],
        "p99_ratio": over["p99_us"] / peak["p99_us"],
        "resident_growth": over["resident"] - peak["resident"],
        "after_failures": after["failures"] + after["given_up"],
        "after_p99_us": after["p99_us"],
        "calm_p99_us": calm["p99_us"],
        "others": max(part["others"] for part in found.values()),
    }


def print_report(report):
    print(f"{report['factor']} times the peak for {report['seconds']} s, {report['candidates']} candidates,", end=" ")
    print(f"{CONNECTIONS} connections, --overload {report['overload']}, patience {report['patience_ms']} ms\n")
    print(f"{'calls':>6}{'peak/s':>8}{'offered':>9}{'good':>8}{'share':>7}{'refused':>9}{'given up':>10}", end="")
    print(f"{'p99 peak':>10}{'p50':>8}{'p99 ms':>8}{'ratio':>7}{'MiB':>6}{'after':>7}{'p99':>7}{'calm':>7}{'others':>8}")
    for row in report["rounds"]:
        print(f"{CONNECTIONS * row['streams']:6}{row['peak_rps']:8.0f}{row['offered_rps']:9.0f}{row['good_rps']:8.0f}{row['goodput_share']:7.2f}", end="")
        print(f"{row['refused_rps']:9.0f}{row['given_up_rps']:10.0f}{row['peak_p99_us'] / 1e3:10.1f}", end="")
        print(f"{row['over_p50_us'] / 1e3:8.1f}{row['over_p99_us'] / 1e3:8.1f}{row['p99_ratio']:7.1f}", end="")
        print(f"{row['resident_growth'] / MIB:6.0f}{row['after_failures']:7}{row['after_p99_us'] / 1e3:7.1f}", end="")
        print(f"{row['calm_p99_us'] / 1e3:7.1f}{row['others']:8.0%}")
    print("\nMedians")
    for streams in report["streams"]:
        rows = [row for row in report["rounds"] if row["streams"] == streams]
        share, ratio = (statistics.median(row[key] for row in rows) for key in ("goodput_share", "p99_ratio"))
        print(f"{CONNECTIONS * streams} calls under way at most: goodput {share:.2f} of the peak, p99 {ratio:.1f} times")
    print("good: answered, refused: by the server, given up: by the client")
    print("after: calls that failed in the second behind the overload, at half of the peak, and their p99")


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
    need_at_least_1(options, "videos", "candidates", "rounds", "seconds", "factor")
    options.signals_per_user = SIGNALS_PER_USER
    options.peak_seconds = min(5, options.seconds)
    complete_programs(options, "fill", "load", "requests")
    folder, _ = prepare_data(options)
    pool = os.path.join(folder, f"overload-{options.candidates}.pool")
    draw = ["--videos", options.videos, "--users", options.users, "--candidates", options.candidates]
    subprocess.run([options.requests, "--output", pool, *map(str, draw)], check=True)
    bench = Bench(options, folder, pool)
    try:
        bench.peak(1)  # warms up
        rounds = bench.rounds()
    finally:
        bench.server.stop()
    keys = ("factor", "seconds", "candidates", "streams", "patience_ms", "overload")
    show(options, {**{key: getattr(options, key) for key in keys}, "rounds": rounds}, print_report)
