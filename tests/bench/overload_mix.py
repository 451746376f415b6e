"""Rankings and signals beside each other: one kind is sent five times over, the other at half of what the server could do of it."""

import json
import os
import shutil
import subprocess
import time

from harness import median, observe, pinned, run_json, say

CONNECTIONS = 8
CLOSED_STREAMS = 8
GOOD_STREAMS = 16
GOOD_PATIENCE_MS = 1000
BATCH = 64  # signals of a call
SETTLE_SECONDS = 1  # of overload, until the other kind comes
KINDS = ("rank", "signals")


class Mix:
    """On a server whose store may change. bench has its server, and on which processor loads are to run."""

    def __init__(self, options, bench):
        self.options = options
        self.bench = bench
        self.programs = {
            "rank": [options.load, "--pool", bench.pool],
            "signals": [options.signals, "--batch", BATCH, "--users", options.users, "--videos", options.videos],
        }

    def words(self, kind, seconds, *words):
        common = ["--port", self.bench.server.port, "--requests", 0, "--connections", CONNECTIONS]
        return [str(word) for word in [*self.programs[kind], *common, "--seconds", seconds, *words]]

    def run(self, *words):
        return observe(self.bench.server, lambda: run_json(self.words(*words), self.bench.load_processor))

    def peak(self, kind):
        result = self.run(kind, self.options.peak_seconds, "--streams", CLOSED_STREAMS)
        return result["good"] / result["seconds"]

    def offer(self, kind, rate):
        """The kind that behaves."""
        return self.run(kind, self.options.seconds, "--rate", int(rate), "--streams", GOOD_STREAMS, "--relaxed",
                        "--patience-ms", GOOD_PATIENCE_MS)

    def flood(self, kind, rate):
        """Starts the other one."""
        words = self.words(kind, self.options.seconds + 2 * SETTLE_SECONDS, "--rate", int(rate), "--streams",
                           max(self.options.streams), "--patience-ms", self.options.patience_ms)
        return subprocess.Popen(pinned(words, self.bench.load_processor), stdout=subprocess.PIPE, text=True)

    def beside(self, good, flood, peaks):
        alone = self.offer(good, peaks[good] / 2)
        process = self.flood(flood, self.options.factor * peaks[flood])
        time.sleep(SETTLE_SECONDS)
        beside = self.offer(good, peaks[good] / 2)
        flooded = json.loads(process.communicate()[0])
        return {
            "good": good,
            "flood": flood,
            "peak_rps": peaks[good],
            "flood_share": flooded["good"] / flooded["seconds"] / peaks[flood],
            "others": max(alone["others"], beside["others"]),
            **{f"{name}_{key}": part[key] for name, part in (("alone", alone), ("beside", beside))
               for key in ("good", "refused", "given_up", "p50_us", "second_p99_us")},
        }

    def rounds(self):
        rows = []
        for number in range(1, self.options.rounds + 1):
            say(self.options, f"round {number} of {self.options.rounds}: rankings and signals beside each other")
            peaks = {kind: self.peak(kind) for kind in KINDS}
            rows += [self.beside(*kinds, peaks) for kinds in (KINDS, KINDS[::-1])]
        return rows


def copy_store(folder, scratch):
    """Signals change it."""
    path = os.path.join(scratch, "store")
    shutil.copytree(os.path.join(folder, "store"), path)
    return path


def print_mix(rows, options):
    """options: of the report."""
    print(f"\nOne kind at half of its peak, alone and beside the other at {options['factor']} times its peak;", end=" ")
    print(f"a call with {BATCH} signals or {options['candidates']} candidates\n")
    print(f"{'half of':>9}{'beside':>9}{'peak/s':>8}{'answered':>10}{'beside':>8}{'refused':>9}{'given up':>10}", end="")
    print(f"{'p50 ms':>8}{'beside':>8}{'p99 ms':>8}{'beside':>8}{'the other':>11}{'others':>8}")
    for row in rows:
        print(f"{row['good']:>9}{row['flood']:>9}{row['peak_rps']:8.0f}{row['alone_good']:10}{row['beside_good']:8}", end="")
        print(f"{row['beside_refused']:9}{row['beside_given_up']:10}", end="")
        for key in ("p50_us", "second_p99_us"):
            print(f"{row['alone_' + key] / 1e3:8.1f}{row['beside_' + key] / 1e3:8.1f}", end="")
        print(f"{row['flood_share']:11.2f}{row['others']:8.0%}")
    for good in KINDS:
        found = [{"share": row["beside_good"] / row["alone_good"]} for row in rows if row["good"] == good]
        print(f"{good}: {median(found, 'share'):.2f} of the answers that come alone")
    print("the other: its answers, beside its peak; p99: median of each second's")
