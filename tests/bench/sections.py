"""The sections of ./dev bench: each measures one thing and returns its part of the report."""

import os
import shutil
import tempfile
import time

import allocations
import replay_bench
import signals_bench
import sizes_bench
from answers import check_answer
from harness import Server, median, prepare_data_of, processors, run_json, say
from matrix import Phase, make_certificate, others, ratio, serve_command, spread, summarize
from variants import BASIC, COUNTS, GROWTH, GROWTH_FULL, SECURE, STREAMS, Variant, growing, write_pool

STEPS = {
    "unpack": "protobuf to structs",
    "check": "limits, UTF-8, hashes",
    "find": "look-up alone (again a part of rank)",
    "rank": "policy, scores, slate",
    "build": "results to structs",
    "pack": "structs to protobuf",
}
PEERS = [Variant("ids", "uniform"), Variant("ids", "hot")]
LATENCY = [*BASIC, Variant("ids", "uniform", 300)]
COUNTED = [
    Variant("ids", "uniform"),
    Variant("keys", "hot"),
    Variant("ids", "uniform", stream=True),
]
WARM_UP_REQUESTS = 2000
COUNTED_REQUESTS = 10000
COUNTED_WINDOWS = 3


class Bench:
    """What sections share: options, a folder for what is made on the way, and the data."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.data_sets = {}

    def data(self, name):
        """{"store": directory, "sizes", "stamp"} of data, which is made if it is not there."""
        if name not in self.data_sets:
            sizes = self.options.data_sizes[name]
            folder, stamp = prepare_data_of(self.options, sizes)
            store = os.path.join(folder, "store")
            shutil.rmtree(os.path.join(store, "journal"), ignore_errors=True)
            self.data_sets[name] = {"store": store, "sizes": sizes, "stamp": stamp}
        return self.data_sets[name]

    def phase(self, variants, tls_files=None):
        sets = {name: self.data(name) for name in {variant.data for variant in variants}}
        return Phase(self.options, self.folder, sets, variants, tls_files)

    def pool(self, variant):
        return write_pool(self.options, variant, self.data(variant.data)["sizes"], self.folder)


# --- calls --------------------------------------------------------------------------------------


def growth_pairs(options):
    return GROWTH_FULL if options.full else GROWTH


def plain_variants(options):
    grown = [growing(data) for pair in growth_pairs(options).values() for data in pair]
    counts = [] if options.quick else COUNTS
    return list(dict.fromkeys([*BASIC, *counts, *STREAMS, *grown]))


def measure_growth(options, results):
    """CPU of a request with more videos or users over that with fewer, of the same rounds."""
    found = {}
    for name, (few, many) in growth_pairs(options).items():
        joined = {(name, data): results[growing(data), "rank"] for data in (few, many)}
        sizes = {"few": options.data_sizes[few], "many": options.data_sizes[many]}
        found[name] = {**sizes, "ratio": ratio(joined, name, many, few)}
    return found


def measure_rank(bench):
    options = bench.options
    variants = plain_variants(options)
    with bench.phase(variants) as phase:
        runs = [(variant, kind) for variant in variants for kind in ("rank", "null")]
        phase.start_peer(PEERS[0])
        runs += [(variant, "peer") for variant in PEERS]
        results = phase.rounds(runs)
        rows = summarize(results, bench.data_sets)
        say(options, "open loop, at half of the rate")
        for variant in LATENCY[:2] if options.quick else LATENCY:
            row = rows[variant.name()]
            row["open_loop"] = phase.latencies(variant, ["rank", "null"], results)
    return {"variants": rows, "growth": measure_growth(options, results), "others": others(results)}


def measure_tls(bench):
    variants = SECURE[:2] if bench.options.quick else SECURE
    with bench.phase(variants, make_certificate(bench.folder)) as phase:
        runs = [(variant, kind) for variant in variants for kind in ("rank", "null")]
        results = phase.rounds(runs)
    return {"variants": summarize(results, bench.data_sets), "others": others(results)}


# --- in process ---------------------------------------------------------------------------------


def measure_steps(bench):
    """ns for each candidate by step."""
    options = bench.options
    found = {}
    for variant in BASIC:
        command = [options.rank_bench, "--data", bench.data("main")["store"]]
        command += ["--pool", bench.pool(variant), "--weights", options.weights]
        command += ["--requests", 1000 if options.quick else 5000]
        row = run_json(command, processors()[0])
        found[variant.name()] = {"title": variant.title(), **row}
    return found


# --- allocations --------------------------------------------------------------------------------


def count_allocations(bench, variant, command):
    """
    Per request, after warm-up, of a server that is started for it. What a request needs it needs
    each time, so the least of a few windows counts: checkpoints take memory now and then.
    """
    counts = os.path.join(bench.folder, "allocations")
    environment = allocations.environment(bench.options.allocations, counts)
    log = os.path.join(bench.folder, "allocations.log")
    server = Server(command, processors()[0], log, environment)
    if command[0] == bench.options.reelrank:
        server.wait_until_warm()
    load = [bench.options.load, "--port", server.port, "--pool", bench.pool(variant)]
    load += [*variant.shape(), "--requests"]
    try:
        run_json([*load, WARM_UP_REQUESTS])
        windows = []
        for _ in range(COUNTED_WINDOWS):
            before = allocations.read(counts)
            run_json([*load, COUNTED_REQUESTS])
            made = allocations.difference(before, allocations.read(counts))
            windows.append(allocations.per_request(server.process.pid, made, COUNTED_REQUESTS))
        return min(windows, key=lambda window: window["own"])
    finally:
        server.stop()


def measure_allocations(bench):
    command = serve_command(bench.options, bench.data("main")["store"])
    found = {}
    for variant in COUNTED[:1] if bench.options.quick else COUNTED:
        row = count_allocations(bench, variant, command)
        found[variant.name()] = {"title": variant.title(), **row}
    null = [bench.options.null_server, "--response-bytes", "3000"]
    row = count_allocations(bench, COUNTED[0], null)
    found["null"] = {"title": "null RPC", "own": row["own"], "grpc": row["grpc"], "places": []}
    return found


# --- starts and memory --------------------------------------------------------------------------


def start_on(bench, store):
    log = os.path.join(bench.folder, "start.log")
    return Server(serve_command(bench.options, store), None, log)


def first_answer(bench, store):
    """Seconds from a server's start until it has answered a request correctly, and its memory."""
    variant = Variant("ids", "uniform")
    path = os.path.join(bench.folder, "first.bin")
    pool = bench.pool(variant)
    begin = time.monotonic()
    server = start_on(bench, store)
    try:
        words = ["--connections", 1, "--streams", 1, "--requests", 1, "--save", path]
        run_json([bench.options.load, "--port", server.port, "--pool", pool, *words])
        seconds = time.monotonic() - begin
        memory = server.memory()
    finally:
        server.stop()
    with open(path, "rb") as file:
        check_answer("the first answer", file.read(), variant.candidates)
    return {"seconds": seconds, "serving_seconds": server.start_seconds, **memory}


def resident(bench, store):
    """Bytes of memory of a server that has just started."""
    server = start_on(bench, store)
    try:
        return server.memory()["RssAnon"]
    finally:
        server.stop()


def measure_start(bench):
    store, sizes = bench.data("main")["store"], bench.data("main")["sizes"]
    cold, warm = [], []
    for _ in range(bench.options.rounds):
        sizes_bench.forget_pages(store)
        cold.append(first_answer(bench, store))
        warm.append(first_answer(bench, store))
    catalogue = resident(bench, bench.data("catalogue")["store"])
    empty = resident(bench, os.path.join(bench.folder, "empty"))
    disk = run_json([bench.options.disk, "--data", store])["state.mdb"]["users"]
    return {
        "cold_seconds": spread_of(cold, "seconds"),
        "warm_seconds": spread_of(warm, "seconds"),
        "resident_bytes": median(warm, "RssAnon"),
        "file_bytes": median(warm, "RssFile"),
        "bytes_per_video": (catalogue - empty) / sizes["videos"],
        "disk_bytes_per_user": disk["bytes"] / max(1, disk["entries"]),
        "signals_per_user": sizes["signals_per_user"],
    }


def spread_of(results, key):
    return spread(result[key] for result in results)


# --- the other benches --------------------------------------------------------------------------


NO_REFUSALS = ("--queue-delay-ms", "0")  # what is refused cannot be compared


def common_words(options):
    return ["--programs", options.programs] + ["--json"] * options.json


def measure_signals(bench):
    options = bench.options
    data = bench.data("signals")
    words = ["--rounds", str(options.rounds), "--seconds", "2" if options.quick else "3"]
    words += ["--videos", str(data["sizes"]["videos"]), "--users", str(data["sizes"]["users"])]
    words += ["--data", options.data, *common_words(options), "--", *NO_REFUSALS]
    chosen = signals_bench.parse_options(words)
    signals_bench.complete_options(chosen)
    scratch_home = os.path.dirname(data["store"])
    with tempfile.TemporaryDirectory(dir=scratch_home, prefix="signals-") as scratch:
        return signals_bench.measure_all(chosen, scratch, data["store"])


def measure_replay(bench):
    options = bench.options
    words = ["--rounds", str(options.rounds), *common_words(options)]
    words += ["--quick"] if options.quick else ["--decisions", "10000"]
    chosen = replay_bench.parse_options(words)
    replay_bench.complete_options(chosen)
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="replay-") as scratch:
        return replay_bench.measure_rates(chosen, scratch, *NO_REFUSALS)


def measure_reloads(bench):
    import reloads_bench

    chosen = reloads_bench.parse(["--swaps", "2000", *common_words(bench.options)])
    return reloads_bench.measure_with(chosen)


SECTIONS = {
    "rank": (measure_rank, "CPU and latency of Rank beside a null RPC and the C++ peer"),
    "tls": (measure_tls, "the same in TLS"),
    "steps": (measure_steps, "where Rank's time goes, in process"),
    "allocations": (measure_allocations, "calls of malloc for a request"),
    "start": (measure_start, "time to the first answer; memory and disk"),
    "signals": (measure_signals, "durable signals a second beside bare LMDB"),
    "replay": (measure_replay, "events and candidates a second of replays"),
    "reloads": (measure_reloads, "2,000 reloads of the weights under load"),
}
ONLY_FULL = ("reloads",)
