"""What hostile clients do to a good one: its latency and failures before, during and after each attack."""

import importlib.util
import os
import subprocess
import sys
import threading
import time

from harness import (
    DEFAULT_DATA,
    SIGNALS_PER_USER,
    Server,
    complete_programs,
    complete_sizes,
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
  ./dev bench hostile                          every attack of tests/fault/attacks.py, some four minutes
  ./dev bench hostile --attack rapid_reset     one of them
  ./dev bench hostile --rate 2000 --seconds 10

The good client sends --rate calls a second on four connections and opens connections again that end. An attack
whose connection the server closes begins again at once.
"""

MIB = 1 << 20
CONNECTIONS, STREAMS, PATIENCE_MS = 4, 60, 1000


def load_attacks():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault/attacks.py")
    spec = importlib.util.spec_from_file_location("attacks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ATTACKS


class Attacker(threading.Thread):
    """Attacks until told to stop."""

    def __init__(self, attack, port):
        super().__init__(daemon=True)
        self.attack, self.port = attack, port
        self.stop = threading.Event()
        self.closed = 0

    def run(self):
        # Of this thread alone: whoever gives the bench a better place does not mean the attacker.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 0)
        while not self.stop.is_set():
            try:
                self.closed += self.attack(self.port, self.stop)
            except OSError:  # the server would not have it
                time.sleep(0.01)


class Bench:
    def __init__(self, options, folder, pool):
        self.options, self.pool = options, pool
        self.server_processor, self.load_processor = processors()
        words = ["serve", "--listen", "127.0.0.1:0", "--workers", str(options.workers)]
        words += ["--data", os.path.join(folder, "store"), "--weights", options.weights]
        log = os.path.join(folder, "serve.log")
        self.server = Server([options.reelrank, *words], None if options.workers > 1 else self.server_processor, log)

    def good(self, seconds):
        options = self.options
        command = [options.load, "--port", self.server.port, "--pool", self.pool, "--requests", 0, "--survive"]
        command += ["--seconds", seconds, "--rate", options.rate, "--patience-ms", PATIENCE_MS]
        command += ["--connections", CONNECTIONS, "--streams", STREAMS]
        result = observe(self.server, lambda: run_json(command, self.load_processor))
        failed = result["failures"] + result["given_up"]
        return {**result, "failed": failed, "resident": self.server.memory()["RssAnon"]}

    def run(self, attack):
        say(self.options, attack.__name__)
        before = self.good(self.options.calm_seconds)
        attacker = Attacker(attack, self.server.port)
        attacker.start()
        during = self.good(self.options.seconds)
        attacker.stop.set()
        attacker.join()
        after = self.good(self.options.calm_seconds)
        return {
            "attack": attack.__name__,
            "closed": attacker.closed,
            "server_cpu": during["server_cpu_ns"] / 1e9 / during["seconds"],
            "resident_growth": during["resident"] - before["resident"],
            "others": max(part["others"] for part in (before, during, after)),
            **{
                f"{name}_{key}": part[key]
                for name, part in (("before", before), ("during", during), ("after", after))
                for key in ("requests", "failed", "refused", "given_up", "lost", "statuses", "p50_us", "p99_us")
            },
        }


def print_report(report):
    print(f"{report['rate']} good calls a second, {report['workers']} workers; p99 in ms, and failed calls\n")
    print(f"{'attack':22}{'before':>12}{'during: p50':>13}{'p99':>9}{'failed':>13}{'after':>13}{'closed':>8}", end="")
    print(f"{'CPU':>6}{'MiB':>6}")
    for row in report["attacks"]:
        before = f"{row['before_p99_us'] / 1e3:.1f} {row['before_failed']}"
        after = f"{row['after_p99_us'] / 1e3:.1f} {row['after_failed']}"
        failed = f"{row['during_failed']} of {row['during_requests']}"
        print(f"{row['attack']:22}{before:>12}{row['during_p50_us'] / 1e3:13.2f}{row['during_p99_us'] / 1e3:9.1f}", end="")
        print(f"{failed:>13}{after:>13}{row['closed']:8}{row['server_cpu']:6.2f}{row['resident_growth'] / MIB:6.0f}")
    for row in report["attacks"]:
        if row["during_failed"] > 0:
            print(f"\n{row['attack']}: {row['during_given_up']} calls given up by their client after {PATIENCE_MS} ms,", end=" ")
            print(f"{row['during_lost']} of its connections lost; calls by gRPC status {row['during_statuses']}", end="")
    print()
    others = max(row["others"] for row in report["attacks"])
    print(f"\nOther processes, the attackers among them, took up to {others:.0%} of the machine.")


def main(words):
    attacks = {attack.__name__: attack for attack in load_attacks()}
    parser = make_parser("./dev bench hostile", __doc__, EPILOG)
    add = parser.add_argument
    add("--attack", action="append", choices=list(attacks), metavar="NAME", help="one attack, may be given again (all)")
    add("--videos", type=int, metavar="N", help="videos in the catalogue (100000)")
    add("--users", type=int, metavar="N", help="users, with 20 signals each (10000)")
    add("--candidates", type=int, default=500, metavar="N", help="candidates of a request (500)")
    add("--rate", type=int, default=500, metavar="N", help="good calls a second (500)")
    add("--seconds", type=int, metavar="N", help="of each attack (5)")
    add("--workers", type=int, default=1, metavar="N", help="workers of the server (1)")
    add("--quick", action="store_true", help="2 seconds of each")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is kept (%(default)s)")
    add("--weights", default="config/weights.yaml", metavar="FILE", help="(%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    options = parser.parse_args(words)
    full = {"videos": 100000, "users": 10000, "seconds": 5}
    complete_sizes(options, full, {**full, "seconds": 2})
    need_at_least_1(options, "videos", "candidates", "rate", "seconds", "workers")
    options.signals_per_user = SIGNALS_PER_USER
    options.calm_seconds = 2
    complete_programs(options, "fill", "load", "requests")
    folder, _ = prepare_data(options)
    pool = os.path.join(folder, f"hostile-{options.candidates}.pool")
    draw = ["--videos", options.videos, "--users", options.users, "--candidates", options.candidates]
    subprocess.run([options.requests, "--output", pool, *map(str, draw)], check=True)
    bench = Bench(options, folder, pool)
    try:
        bench.good(1)  # warms up
        rows = [bench.run(attacks[name]) for name in options.attack or attacks]
    finally:
        bench.server.stop()
    show(options, {"rate": options.rate, "workers": options.workers, "attacks": rows}, print_report)
    sys.stdout.flush()
