"""Servers side by side under the same load: CPU of each, and latencies."""

import os
import random
import statistics
import subprocess

from answers import check_answer, read_fields
from harness import Server, give_up, least_disturbed, observe, processors, run_json, say
from variants import METHODS, write_pool

FRAME_HEADER_BYTES = 5
LATENCIES = ("p50_us", "p99_us", "p999_us")


def make_certificate(folder):
    """(certificate, key) of a server on loopback."""
    certificate, key = os.path.join(folder, "server.crt"), os.path.join(folder, "server.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext"]
        + ["subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return certificate, key


def serve_command(options, data, tls_files=None):
    """As operators start it, but that no load is too much: what is refused cannot be compared."""
    command = [options.reelrank, "serve", "--listen", "127.0.0.1:0", "--workers", "1"]
    command += ["--admin-listen", "127.0.0.1:0"]
    command += ["--data", data, "--weights", options.weights, "--queue-delay-ms", "0"]
    return command + (["--tls-cert", tls_files[0], "--tls-key", tls_files[1]] if tls_files else [])


class Phase:
    """The servers that run at the same time, and the variants that are asked of them."""

    def __init__(self, options, folder, data_sets, variants, tls_files=None):
        self.options = options
        self.folder = folder
        self.variants = variants
        self.tls_files = tls_files
        self.server_processor, self.load_processor = processors()
        self.servers = {}  # by kind, and what tells them apart
        self.answer_bytes = {}  # by variant
        self.pools = {
            variant: write_pool(options, variant, data_sets[variant.data]["sizes"], folder)
            for variant in variants
        }
        self.data_sets = data_sets

    def __enter__(self):
        try:
            self.start_all()
        except BaseException:
            self.stop_all()
            raise
        return self

    def __exit__(self, *_):
        self.stop_all()

    def start_all(self):
        for name in dict.fromkeys(variant.data for variant in self.variants):
            say(self.options, f"starting a server on the {name} data")
            command = serve_command(self.options, self.data_sets[name]["store"], self.tls_files)
            self.start(("rank", name), command)
            self.servers["rank", name].wait_until_warm()
        for variant in self.variants:
            self.look_at_answer(variant)
            key = self.null_key(variant)
            if key not in self.servers:
                self.start(key, self.null_command(*key[1:]))

    def stop_all(self):
        for server in self.servers.values():
            server.stop()

    def start(self, key, command):
        log = os.path.join(self.folder, "-".join(map(str, key)) + ".log")
        self.servers[key] = Server(command, self.server_processor, log)

    def null_key(self, variant):
        return "null", self.answer_bytes[variant], variant.stream

    def null_command(self, size, stream):
        command = [self.options.null_server, "--response-bytes", str(size)]
        command += ["--method", METHODS[stream]] + ["--stream"] * stream
        if self.tls_files:
            command += ["--tls-cert", self.tls_files[0], "--tls-key", self.tls_files[1]]
        return command

    def start_peer(self, variant):
        command = [self.options.peer_server, "--response-bytes", str(self.answer_bytes[variant])]
        command += ["--videos", str(self.data_sets[variant.data]["sizes"]["videos"])]
        self.start(("peer",), command)

    def server(self, kind, variant):
        keys = {"rank": ("rank", variant.data), "peer": ("peer",)}
        return self.servers[keys[kind] if kind in keys else self.null_key(variant)]

    def load(self, server, variant, *words):
        command = [self.options.load, "--port", server.port, "--pool", self.pools[variant]]
        return run_json([*command, *words], self.load_processor)

    def look_at_answer(self, variant):
        """Keeps its size, which all others must have."""
        path = os.path.join(self.folder, "answer.bin")
        words = ["--path", METHODS[variant.stream], "--connections", 1, "--streams", 1]
        words += ["--requests", 1, "--save", path] + ["--tls"] * variant.tls
        words += ["--messages", 1] * variant.stream
        self.load(self.servers["rank", variant.data], variant, *words)
        with open(path, "rb") as file:
            data = file.read()
        response = dict(read_fields(data)).get(2, b"") if variant.stream else data
        check_answer(variant.name(), response, variant.candidates)
        self.answer_bytes[variant] = len(data)

    def check_run(self, kind, variant, result):
        """A dropped candidate or another error would change the size of its answer."""
        name = f"{kind} {variant.name()}"
        if result["failures"] > 0:
            status = result["first_failure"]
            give_up(f"{name}: {result['failures']} calls failed, the first with status {status}")
        sizes = {result["least_bytes"], result["most_bytes"]}
        wanted = self.answer_bytes[variant] + FRAME_HEADER_BYTES
        if sizes != {wanted}:
            give_up(f"{name}: answers of {sizes} bytes instead of {wanted}")

    def measure(self, kind, variant, *words):
        server = self.server(kind, variant)

        def run():
            result = observe(server, lambda: self.load(server, variant, *words))
            self.check_run(kind, variant, result)
            result["cpu_us"] = result["server_cpu_ns"] / 1000 / result["requests"]
            return result

        return least_disturbed(run)

    def closed(self, kind, variant, seconds):
        return self.measure(kind, variant, *variant.shape(), "--requests", 0, "--seconds", seconds)

    def open(self, kind, variant, rate):
        """Latency from the intended start."""
        words = ["--requests", 0, "--seconds", self.options.open_seconds, "--rate", rate]
        return self.measure(kind, variant, *variant.open_shape(), *words)

    def rounds(self, runs):
        """{(variant, kind): [result of each round]}, in random order; one more round warms up."""
        results = {run: [] for run in runs}
        for number in range(self.options.rounds + 1):
            say(self.options, f"round {number} of {self.options.rounds}" if number else "warm-up")
            for variant, kind in random.sample(runs, len(runs)):
                result = self.closed(kind, variant, self.options.seconds)
                if number > 0:
                    results[variant, kind].append(result)
        return results

    def latencies(self, variant, kinds, results):
        """Of each kind at half of what it answered in the closed loop, at each round."""
        found = {kind: [] for kind in kinds}
        rates = {}
        for kind in kinds:
            rates[kind] = max(1, int(median_of(results[variant, kind], "rps") / 2))
        for _ in range(self.options.rounds):
            for kind in random.sample(kinds, len(kinds)):
                found[kind].append(self.open(kind, variant, rates[kind]))
        return {kind: {"rate": rates[kind], **summary(found[kind], LATENCIES)} for kind in kinds}


def spread(values):
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(results, keys):
    return {key: spread(result[key] for result in results) for key in keys}


def median_of(results, key):
    return statistics.median(result[key] for result in results)


def ratio(results, variant, kind, other):
    """Of the CPU for a request, of the same rounds."""
    pairs = zip(results[variant, kind], results[variant, other])
    return spread(a["cpu_us"] / b["cpu_us"] for a, b in pairs)


def summarize(results, data_sets):
    """{variant's name: its row}: ratios, and what each kind of server took."""
    rows = {}
    for variant, kind in results:
        title = variant.title()
        if variant.data != "main":
            title += ", {videos:,} videos, {users:,} users".format(**data_sets[variant.data]["sizes"])
        row = rows.setdefault(variant.name(), {"title": title})
        row[kind] = summary(results[variant, kind], ("cpu_us", "rps", "p50_us", "p99_us"))
        if kind == "rank":
            row["ratio"] = ratio(results, variant, "rank", "null")
            row["answer_bytes"] = results[variant, kind][0]["most_bytes"] - FRAME_HEADER_BYTES
        if kind == "peer":
            row["peer_ratio"] = ratio(results, variant, "rank", "peer")
    return rows


def others(results):
    """The share of the machine that other processes took, of all runs."""
    shares = [result["others"] for runs in results.values() for result in runs]
    return {"median": statistics.median(shares), "max": max(shares)}
