#!/usr/bin/env python3
"""CPU of Rank as a multiple of a null RPC with the same bytes, and where the time goes."""

import importlib
import os
import random
import statistics
import subprocess
import sys

from harness import (
    DEFAULT_DATA,
    SIGNALS_PER_USER,
    Server,
    complete_programs,
    complete_sizes,
    give_up,
    least_disturbed,
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

EPILOG = """\
examples:
  ./dev bench                           Rank: a million videos, five rounds: some two minutes
  ./dev bench --quick                   a tenth of the videos, two rounds
  ./dev bench --candidates 300 --json   for a machine to read
  ./dev bench --data /tmp/reels         keep the data there instead of in the temporary folder
  ./dev bench signals --help            signals written, beside bare LMDB
  ./dev bench sizes --help              memory, disk and start for each user and video
  ./dev bench parity --help             what was served, computed again
  ./dev bench replay --help             what replays cost
  ./dev bench ablations --help          what each number of the weights is worth
  ./dev bench training --help           how near to the truth heads come that are trained on a log
  ./dev bench kuairand --help           heads learnt from real people's likes and hates
  ./dev bench reloads --help            weights swapped under load
  ./dev bench soak --help               hours of mixed load: does anything grow?
  ./dev bench overload --help           five times what the server can do
  ./dev bench hostile --help            clients that mean harm beside a good one

Both servers run in the same rounds, in random order, under the same load: 8 connections with 8
calls under way on each. Where there are two processors, the server has one and the load the
other. Compare ratios of one run; absolute times depend on the machine and on what else it does.
Any failed call and any dropped candidate ends the run with a message.
"""

CONNECTIONS = 8
STREAMS = 8
VARIANTS = {
    "string ids, hot": ("ids", "hot"),
    "string ids, uniform": ("ids", "uniform"),
    "numeric keys, hot": ("keys", "hot"),
    "numeric keys, uniform": ("keys", "uniform"),
}
STEPS = {
    "unpack": "protobuf to structs",
    "check": "limits, UTF-8, hashes",
    "find": "look-up alone (again a part of rank)",
    "rank": "policy, scores, slate",
    "build": "results to structs",
    "pack": "structs to protobuf",
}
SUBCOMMANDS = {
    "parity": "parity_bench",
    "profile": "profile_bench",
    "ablations": "ablations_bench",
    "kuairand": "kuairand_bench",
    "reloads": "reloads_bench",
    "replay": "replay_bench",
    "signals": "signals_bench",
    "sizes": "sizes_bench",
    "soak": "soak",
    "overload": "overload_bench",
    "hostile": "hostile_bench",
    "training": "training_bench",
}
NULL_FACTOR = 4  # a null RPC is so short that it takes more of them to measure


def write_pools(options, folder):
    pools = {}
    for name, (form, draw) in VARIANTS.items():
        pools[name] = os.path.join(folder, f"{form}-{draw}.pool")
        subprocess.run(
            [options.requests_program, "--output", pools[name], "--form", form, "--draw", draw]
            + ["--videos", str(options.videos), "--users", str(options.users)]
            + ["--candidates", str(options.candidates)],
            check=True,
        )
    return pools


# --- answers ------------------------------------------------------------------------------------


def read_varint(data, offset):
    value = shift = 0
    while True:
        byte = data[offset]
        value |= (byte & 127) << shift
        offset += 1
        shift += 7
        if byte < 128:
            return value, offset


def read_fields(data):
    """Yields (field number, value) of a protobuf message; bytes for length-delimited ones."""
    offset = 0
    while offset < len(data):
        key, offset = read_varint(data, offset)
        if key & 7 == 0:
            value, offset = read_varint(data, offset)
        elif key & 7 == 2:
            size, offset = read_varint(data, offset)
            value = data[offset : offset + size]
            offset += size
        else:
            size = 8 if key & 7 == 1 else 4
            value = data[offset : offset + size]
            offset += size
        yield key >> 3, value


def check_answer(name, data, candidates):
    """RankResponse in packed form: every candidate once in `order` (8), `score` (9) falling."""
    fields = dict(read_fields(data))
    if 10 in fields:
        give_up(f"{name}: candidates were dropped")
    order, packed, offset = [], fields.get(8, b""), 0
    while offset < len(packed):
        index, offset = read_varint(packed, offset)
        order.append(index)
    if sorted(order) != list(range(candidates)):
        give_up(f"{name}: the answer does not order all {candidates} candidates")
    scores = memoryview(fields[9]).cast("f").tolist()
    if len(scores) != candidates or any(a < b for a, b in zip(scores, scores[1:])):
        give_up(f"{name}: the scores of the answer do not fall")


# --- measuring ----------------------------------------------------------------------------------


class Bench:
    def __init__(self, options, folder, pools):
        self.options = options
        self.pools = pools
        self.folder = folder
        self.server_processor, self.load_processor = processors()
        self.servers = []
        self.nulls = {}  # by size of the answer
        self.answer_bytes = {}  # by variant

    def start(self, command, log):
        path = os.path.join(self.folder, log)
        server = Server(command, self.server_processor, path)
        self.servers.append(server)
        return server

    def start_rank(self):
        self.rank = self.start(
            [self.options.reelrank, "serve", "--listen", "127.0.0.1:0", "--workers", "1"]
            + ["--data", os.path.join(self.folder, "store"), "--weights", self.options.weights],
            "serve.log",
        )

    def start_nulls(self):
        for size in set(self.answer_bytes.values()):
            self.nulls[size] = self.start(
                [self.options.null_server, "--response-bytes", str(size)], "null.log"
            )

    def null(self, variant):
        return self.nulls[self.answer_bytes[variant]]

    def stop(self):
        for server in self.servers:
            server.stop()

    def load(self, server, variant, requests, extra=()):
        return run_json(
            [self.options.load, "--port", str(server.port), "--pool", self.pools[variant]]
            + ["--requests", str(requests), *extra],
            self.load_processor,
        )

    def check_answers(self):
        """Looks at one answer of each variant, and keeps its size."""
        path = os.path.join(self.folder, "answer.bin")
        for variant in VARIANTS:
            extra = ["--connections", "1", "--streams", "1", "--save", path]
            self.check_run(variant, self.load(self.rank, variant, 1, extra))
            with open(path, "rb") as file:
                data = file.read()
            check_answer(variant, data, self.options.candidates)
            self.answer_bytes[variant] = len(data)

    def check_run(self, variant, result):
        """A dropped candidate or another error would change the size of its answer."""
        if result["failures"] > 0:
            status = result["first_failure"]
            give_up(f"{variant}: {result['failures']} calls failed, the first with status {status}")
        sizes = {result["least_bytes"], result["most_bytes"]}
        wanted = self.answer_bytes.get(variant, result["least_bytes"] - 5) + 5
        if sizes != {wanted}:
            give_up(f"{variant}: answers of {sizes} bytes instead of {wanted}")

    def measure(self, server, variant, requests, extra=()):
        extra = list(extra) or ["--connections", str(CONNECTIONS), "--streams", str(STREAMS)]

        def run():
            result = observe(server, lambda: self.load(server, variant, requests, extra))
            self.check_run(variant, result)
            result["cpu_us"] = result["server_cpu_ns"] / 1000 / requests
            return result

        return least_disturbed(run)

    def rounds(self):
        """{(variant, "rank" or "null"): [result of each round]}; one round more warms up."""
        runs = [(variant, kind) for variant in VARIANTS for kind in ("rank", "null")]
        results = {run: [] for run in runs}
        for number in range(self.options.rounds + 1):
            say(self.options, f"round {number} of {self.options.rounds}" if number else "warm-up")
            for variant, kind in random.sample(runs, len(runs)):
                server, requests = self.rank, self.options.requests
                if kind == "null":
                    server, requests = self.null(variant), NULL_FACTOR * requests
                result = self.measure(server, variant, requests)
                if number > 0:
                    results[variant, kind].append(result)
        return results

    def open_loop(self, summary):
        """Latency from the intended start, at half of the closed loop's rate."""
        latencies = {}
        for variant in VARIANTS:
            for kind, server in (("rank", self.rank), ("null", self.null(variant))):
                rate = max(1, int(summary[variant][f"{kind}_rps"] / 2))
                extra = ["--connections", str(CONNECTIONS), "--streams", "64", "--rate", str(rate)]
                requests = max(1000, int(rate * self.options.open_seconds))
                results = [
                    self.measure(server, variant, requests, extra)
                    for _ in range(min(3, self.options.rounds))
                ]
                latencies[variant, kind] = {
                    "rate": rate,
                    **{key: median(results, key) for key in ("p50_us", "p99_us", "p999_us")},
                }
        return latencies


def summarize(results):
    summary = {}
    for variant in VARIANTS:
        rank, null = results[variant, "rank"], results[variant, "null"]
        ratios = [a["cpu_us"] / b["cpu_us"] for a, b in zip(rank, null)]
        summary[variant] = {
            "ratio": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "others_max": max(result["others"] for result in rank + null),
        }
        for kind, runs in (("rank", rank), ("null", null)):
            for key in ("cpu_us", "rps", "p50_us", "p99_us"):
                summary[variant][f"{kind}_{key}"] = median(runs, key)
    return summary


def step_times(options, folder, pools):
    """In process, before the server takes the store: ns for each candidate by step."""
    times = {}
    for variant, pool in pools.items():
        command = [options.rank_bench, "--data", os.path.join(folder, "store"), "--pool", pool]
        command += ["--weights", options.weights, "--requests", str(options.requests)]
        times[variant] = run_json(command, processors()[0])
    return times


# --- report -------------------------------------------------------------------------------------


def print_ratios(report):
    print("CPU of Rank / CPU of a null RPC with the same bytes, median of", end=" ")
    print(f"{report['rounds']} rounds:\n{report['candidates']} candidates,", end=" ")
    print(f"{report['videos']:,} videos, {report['users']:,} users,", end=" ")
    print("64 calls under way, one worker\n")
    print(f"{'':24}{'ratio':>6}{'range':>14}{'CPU us':>16}{'requests/s':>18}{'p50/p99 us':>22}")
    for variant, row in report["variants"].items():
        spread = f"{row['ratio_min']:.2f}-{row['ratio_max']:.2f}"
        cpu = f"{row['rank_cpu_us']:.1f} / {row['null_cpu_us']:.1f}"
        rate = f"{row['rank_rps']:.0f} / {row['null_rps']:.0f}"
        latency = f"{row['rank_p50_us']:.0f}/{row['rank_p99_us']:.0f}"
        print(f"{variant:24}{row['ratio']:6.2f}{spread:>14}{cpu:>16}{rate:>18}{latency:>22}")
    others = max(row["others_max"] for row in report["variants"].values())
    print(f"\nOther processes took up to {others:.0%} of the machine during a run.")


def print_steps(report):
    print("\nWhere Rank's time goes, in process, ns per candidate (median)\n")
    print(f"{'':24}" + "".join(f"{step:>9}" for step in STEPS))
    for variant, row in report["steps"].items():
        print(f"{variant:24}" + "".join(f"{row[step + '_ns']:9.1f}" for step in STEPS))
    print()
    for step, text in STEPS.items():
        print(f"  {step:8}{text}")


def print_latencies(report):
    print("\nLatency at half of that rate, from the intended start (us)\n")
    head = f"{'p50':>8}{'p99':>8}{'p99.9':>8}"
    print(f"{'':24}{'Rank at/s':>10}{head}{'null at/s':>12}{head}")
    for variant, row in report["variants"].items():
        line = f"{variant:24}"
        for kind, width in (("rank", 10), ("null", 12)):
            found = row["open_loop"][kind]
            line += f"{found['rate']:{width}}{found['p50_us']:8.0f}"
            line += f"{found['p99_us']:8.0f}{found['p999_us']:8.0f}"
        print(line)


def print_memory(report):
    memory = report["memory"]
    print(f"\nStart, from nothing to serving: {report['start_seconds']:.2f} s")
    print(f"Resident: {memory['RssAnon'] >> 20} MiB of memory,", end=" ")
    print(f"{memory['RssFile'] >> 20} MiB of file pages;", end=" ")
    print(f"{memory['RssAnon'] / report['videos']:.0f} bytes of memory a video, users and all")
    print(f"Heap while filling: {memory['heap_per_video']:.0f} bytes a video,", end=" ")
    print(f"then {memory['heap_per_signal']:.0f} a signal (users and statistics)")


def print_report(report):
    print_ratios(report)
    print_steps(report)
    print_latencies(report)
    print_memory(report)


def parse_options():
    parser = make_parser("./dev bench", __doc__, EPILOG)
    add = parser.add_argument
    add("--videos", type=int, metavar="N", help="videos in the catalogue (1000000)")
    add("--users", type=int, metavar="N", help="users, with 20 signals each (100000)")
    add("--candidates", type=int, default=500, metavar="N", help="candidates of a request (500)")
    add("--rounds", type=int, metavar="N", help="rounds that count (5)")
    add("--requests", type=int, metavar="N", help="requests of each run (10000)")
    add("--quick", action="store_true", help="100000 videos, 10000 users, 2 rounds of 3000")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is kept (%(default)s)")
    add("--weights", default="config/weights.yaml", metavar="FILE", help="(%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    return parser.parse_args()


def complete_options(options):
    """Fills in defaults that depend on --quick, and the programs' paths."""
    full = {"videos": 1000000, "users": 100000, "rounds": 5, "requests": 10000}
    quick = {"videos": 100000, "users": 10000, "rounds": 2, "requests": 3000}
    complete_sizes(options, full, quick)
    need_at_least_1(options, "videos", "candidates", "rounds", "requests")
    options.signals_per_user = SIGNALS_PER_USER
    options.open_seconds = 1 if options.quick else 3
    complete_programs(options, "fill", "load", "null_server", "rank_bench")
    options.requests_program = os.path.join(options.programs, "tests/bench/requests")


def measure_all(options):
    folder, stamp = prepare_data(options)
    pools = write_pools(options, folder)
    say(options, "timing the steps in process")
    steps = step_times(options, folder, pools)
    bench = Bench(options, folder, pools)
    try:
        bench.start_rank()
        memory = bench.rank.memory()
        bench.check_answers()
        bench.start_nulls()
        variants = summarize(bench.rounds())
        say(options, "open loop")
        latencies = bench.open_loop(variants)
        for variant in VARIANTS:
            variants[variant]["answer_bytes"] = bench.answer_bytes[variant]
            variants[variant]["open_loop"] = {
                kind: latencies[variant, kind] for kind in ("rank", "null")
            }
    finally:
        bench.stop()
    memory["heap_per_video"] = stamp["video_heap_bytes"] / options.videos
    memory["heap_per_signal"] = stamp["signal_heap_bytes"] / max(1, stamp["signals"])
    return {
        "videos": options.videos,
        "users": options.users,
        "candidates": options.candidates,
        "rounds": options.rounds,
        "variants": variants,
        "steps": steps,
        "start_seconds": bench.rank.start_seconds,
        "memory": memory,
    }


def main():
    if sys.argv[1:2] and sys.argv[1] in SUBCOMMANDS:
        importlib.import_module(SUBCOMMANDS[sys.argv[1]]).main(sys.argv[2:])
        return
    options = parse_options()
    complete_options(options)
    if processors() == (None, None):
        say(options, "one processor only: server and load disturb each other")
    report = measure_all(options)
    show(options, report, print_report)


if __name__ == "__main__":
    main()
