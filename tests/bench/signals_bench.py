"""Durable signals a second through the server, beside bare LMDB appends of the same records."""

import os
import random
import shutil
import statistics
import struct
import tempfile

from harness import (
    DEFAULT_DATA,
    SIGNALS_PER_USER,
    Server,
    complete_programs,
    complete_sizes,
    give_up,
    least_disturbed,
    make_parser,
    need_at_least_1,
    observe,
    prepare_data,
    run_json,
    say,
    show,
)

EPILOG = """\
examples:
  ./dev bench signals                   a million videos, five rounds: some three minutes
  ./dev bench signals --quick           a tenth of the videos, two short rounds
  ./dev bench signals -- --workers 1    options of `reelrank serve` after two dashes
  ./dev bench signals --json            for a machine to read

Every round measures each method in a closed loop, then store_write() and bare LMDB appends in the
same process and on the same disk, in turns; the ratios are of one round. The client runs on the
same processors as the server, and its share is printed. LMDB is given as much as it likes best:
one thread, records ready made. Its rate depends on how many records share a sync, so there are two:
a sync for each batch, and one for as many batches as the server took together in that round.
"""

SIZES = ("videos", "users", "batch", "connections", "streams", "rounds", "seconds")  # of a run
METHODS = {"record": "RecordSignals", "stream": "StreamSignals"}
GROUP_MAX = 256  # of store_bench
META_PAGES = (0, 4096)
META_TRANSACTION = 144  # offset of the number of the last transaction in an LMDB meta page
OPEN_ROUNDS = 3
MAP_MIB = 65536


def commits(path):
    """How many transactions were committed to an LMDB file: each is one sync."""
    with open(path, "rb") as file:
        numbers = []
        for page in META_PAGES:
            file.seek(page + META_TRANSACTION)
            numbers.append(struct.unpack("<Q", file.read(8))[0])
    return max(numbers)


class Bench:
    def __init__(self, options, scratch, source):
        self.options = options
        self.server_data = os.path.join(scratch, "server")
        self.store_data = os.path.join(scratch, "store")
        self.scratch = scratch
        for path in (self.server_data, self.store_data):
            shutil.copytree(source, path)

    def start(self):
        command = [self.options.reelrank, "serve", "--listen", "127.0.0.1:0"]
        command += ["--data", self.server_data, "--map-mib", str(MAP_MIB)]
        command += self.options.server_options
        self.server = Server(command, None, os.path.join(self.scratch, "serve.log"))

    def population(self):
        return ["--videos", self.options.videos, "--users", self.options.users]

    def load(self, *words):
        command = [self.options.signals, "--port", self.server.port, *self.population()]
        return run_json([*command, *words])

    def observed(self, method, *words):
        """Load by one method; with the server's CPU and how many signals shared a sync."""

        def run():
            before = commits(os.path.join(self.server_data, "data.mdb"))
            result = observe(self.server, lambda: self.load("--method", method, *words))
            syncs = commits(os.path.join(self.server_data, "data.mdb")) - before
            check(method, result)
            result["server_cpu_ns"] /= result["accepted"]
            result["signals_per_sync"] = result["accepted"] / max(1, syncs)
            return result

        return least_disturbed(run)

    def closed(self, method):
        return self.observed(method, "--batch", self.options.batch, *self.shape(), *self.time())

    def shape(self):
        return ["--connections", self.options.connections, "--streams", self.options.streams]

    def time(self):
        return ["--seconds", self.options.seconds]

    def open(self, method, signals_per_second):
        """Half of the peak; streams enough that a late answer does not hold the next message."""
        rate = max(1, int(signals_per_second / 2 / self.options.batch))
        shape = ["--connections", self.options.connections, "--streams", 4 * self.options.streams]
        result = self.observed(
            method, "--batch", self.options.batch, "--rate", rate, *shape, *self.time()
        )
        return {"rate": rate, **result}

    def single(self):
        """One signal at a time on an idle server."""
        shape = ["--connections", 1, "--streams", 1, "--requests", self.options.singles]
        return self.observed("record", "--batch", 1, *shape)

    def bare(self, batch, group, *words):
        command = [self.options.store_bench, "--directory", self.scratch, *self.population()]
        command += ["--milliseconds", self.options.seconds * 500, "--json"]
        return run_json([*command, "--batch", batch, "--group", group, *words])["writes"][0]

    def round(self):
        found = {}
        for method in random.sample(list(METHODS), len(METHODS)):
            found[method] = self.closed(method)
        together = statistics.mean(found[method]["signals_per_sync"] for method in METHODS)
        group = min(max(1, round(together / self.options.batch)), GROUP_MAX)
        found["batch"] = self.bare(self.options.batch, 1, "--data", self.store_data)
        found["grouped"] = self.bare(self.options.batch, group, "--data", self.store_data)
        found["single"] = self.single()
        found["single_bare"] = self.bare(1, 1)
        return found

    def rounds(self):
        results = []
        for number in range(self.options.rounds + 1):
            say(self.options, f"round {number} of {self.options.rounds}" if number else "warm-up")
            found = self.round()
            if number > 0:
                results.append(found)
        return results


def check(method, result):
    if result["failures"] or result["broken_streams"]:
        give_up(
            f"{METHODS[method]}: {result['failures']} of {result['answers']} answers failed, the "
            f"first with status {result['first_failure']}; {result['duplicates']} duplicates, "
            f"{result['rejected']} rejected"
        )


def spread(values):
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarize_method(method, results):
    rate, lmdb = "signals_per_second", "lmdb_signals_per_second"
    summary = {
        "to_lmdb_batch": spread(f[method][rate] / f["batch"][lmdb] for f in results),
        "to_lmdb_grouped": spread(f[method][rate] / f["grouped"][lmdb] for f in results),
    }
    for key in (rate, "server_cpu_ns", "client_cpu_ns", "signals_per_sync", "p50_us", "p99_us"):
        summary[key] = spread(found[method][key] for found in results)
    return summary


def summarize_single(results):
    server = [found["single"] for found in results]
    bare = [found["single_bare"] for found in results]
    ratios = (a["p50_us"] / b["lmdb_p50_us"] for a, b in zip(server, bare))
    summary = {"ratio_p50": spread(ratios)}
    for key in ("p50_us", "p99_us"):
        summary[f"server_{key}"] = spread(row[key] for row in server)
        summary[f"lmdb_{key}"] = spread(row[f"lmdb_{key}"] for row in bare)
    return summary


def summarize(results):
    report = {method: summarize_method(method, results) for method in METHODS}
    for name in ("batch", "grouped"):
        keys = ("ratio", "store_signals_per_second", "lmdb_signals_per_second")
        rows = [found[name] for found in results]
        report[f"bare_{name}"] = {key: spread(row[key] for row in rows) for key in keys}
    report["single"] = summarize_single(results)
    loads = [found[name] for found in results for name in (*METHODS, "single")]
    report["others_max"] = max(row["others"] for row in loads)
    return report


def summarize_open(results):
    keys = ("p50_us", "p99_us", "p999_us", "max_us")
    latencies = {key: spread(row[key] for row in results) for key in keys}
    return {"rate": results[0]["rate"], **latencies}


# --- report -------------------------------------------------------------------------------------


def cell(value, form):
    return f"{value['median']:{form}} ({value['min']:{form}}-{value['max']:{form}})"


def print_row(name, cells):
    print(f"{name:34}" + "".join(f"{text:>32}" for text in cells))


ROWS = [
    ("server / LMDB, sync per batch", "to_lmdb_batch", ".2f"),
    ("server / LMDB, server's grouping", "to_lmdb_grouped", ".2f"),
    ("server, signals/s", "signals_per_second", ",.0f"),
    ("signals that share a sync", "signals_per_sync", ",.0f"),
    ("server CPU, ns a signal", "server_cpu_ns", ",.0f"),
    ("client CPU, ns a signal", "client_cpu_ns", ",.0f"),
]


BARE_ROWS = [
    ("store_write / LMDB", "ratio", ".2f"),
    ("store_write, signals/s", "store_signals_per_second", ",.0f"),
    ("LMDB, signals/s", "lmdb_signals_per_second", ",.0f"),
]


def print_rates(report):
    print(f"Durable signals in batches of {report['batch']}, {report['connections']} connections,")
    print(f"{report['videos']:,} videos, {report['users']:,} users; median (range) of", end=" ")
    print(f"{report['rounds']} rounds\n")
    print_row("", METHODS.values())
    for name, key, form in ROWS:
        print_row(name, [cell(report[method][key], form) for method in METHODS])
    print()
    print_row("without a network", ["sync per batch", "server's grouping"])
    for name, key, form in BARE_ROWS:
        print_row(name, [cell(report[f"bare_{kind}"][key], form) for kind in ("batch", "grouped")])


def print_latencies(report):
    print("\nAcknowledgement at half of that rate, from the intended start, ms\n")
    print_row("", METHODS.values())
    print_row("batches/s", [str(report[method]["open_loop"]["rate"]) for method in METHODS])
    for key in ("p50_us", "p99_us", "p999_us", "max_us"):
        found = [report[method]["open_loop"][key] for method in METHODS]
        in_ms = [{name: us / 1000 for name, us in one.items()} for one in found]
        print_row(key[:-3], [cell(one, ".1f") for one in in_ms])


def print_singles(report):
    single = report["single"]
    print("\nOne signal on an idle server / one LMDB append and sync: p50", end=" ")
    print(f"{cell(single['ratio_p50'], '.2f')}")
    for name, kind in (("server", "server"), ("LMDB", "lmdb")):
        half, most = single[f"{kind}_p50_us"], single[f"{kind}_p99_us"]
        print(f"  {name:8}p50 {cell(half, '.0f')}, p99 {cell(most, '.0f')} us")


def print_report(report):
    print_rates(report)
    print_latencies(report)
    print_singles(report)
    print(f"\nOther processes took up to {report['others_max']:.0%} of the machine during a run.")


# --- main ---------------------------------------------------------------------------------------


def parse_options(words):
    parser = make_parser("./dev bench signals", __doc__, EPILOG)
    add = parser.add_argument
    add("--videos", type=int, metavar="N", help="videos in the catalogue (1000000)")
    add("--users", type=int, metavar="N", help="users, with 20 signals each (100000)")
    add("--batch", type=int, default=256, metavar="N", help="signals of a message (256)")
    add("--connections", type=int, default=8, metavar="N", help="connections (8)")
    add("--streams", type=int, default=4, metavar="N", help="calls, or streams, on each (4)")
    add("--rounds", type=int, metavar="N", help="rounds that count (5)")
    add("--seconds", type=int, metavar="N", help="of each run (5)")
    add("--quick", action="store_true", help="100000 videos, 10000 users, 2 rounds of 2 seconds")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is kept (%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    add("server_options", nargs="*", metavar="-- OPTION", help="options of `reelrank serve`")
    return parser.parse_args(words)


def complete_options(options):
    full = {"videos": 1000000, "users": 100000, "rounds": 5, "seconds": 5}
    quick = {"videos": 100000, "users": 10000, "rounds": 2, "seconds": 2}
    complete_sizes(options, full, quick)
    need_at_least_1(options, *SIZES)
    options.signals_per_user = SIGNALS_PER_USER
    options.singles = 500
    complete_programs(options, "fill", "signals", "store_bench")


def measure_all(options, scratch, source):
    bench = Bench(options, scratch, source)
    bench.start()
    try:
        report = summarize(bench.rounds())
        say(options, "open loop")
        for method in METHODS:
            peak = report[method]["signals_per_second"]["median"]
            runs = [bench.open(method, peak) for _ in range(min(OPEN_ROUNDS, options.rounds))]
            report[method]["open_loop"] = summarize_open(runs)
    finally:
        bench.server.stop()
    for key in SIZES:
        report[key] = getattr(options, key)
    return report


def main(words):
    options = parse_options(words)
    complete_options(options)
    folder, _ = prepare_data(options)
    with tempfile.TemporaryDirectory(dir=folder, prefix="signals-") as scratch:
        report = measure_all(options, scratch, os.path.join(folder, "store"))
    show(options, report, print_report)
