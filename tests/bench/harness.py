"""What the measuring scripts share: options, programs, servers, data, and how busy the machine is."""

import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from exposition import key, scrape

OTHERS_LIMIT = 0.08  # share of all CPU that other processes may take during a run
TRIES = 3
BUSY_RUNS = 5  # in a row, after which nothing is tried again
WARM_SECONDS = 600  # until what a start has left on disk is in memory
WARM_LOOK_SECONDS = 1  # in which something comes, if anything is still to come
STOP_SECONDS = 120  # the last checkpoint of a large state takes a while
SIGNALS_PER_USER = 20  # of the data that scripts share
DEFAULT_DATA = os.path.join(tempfile.gettempdir(), f"reelrank-bench-{os.getuid()}")


def give_up(message):
    sys.exit(f"bench: {message}")


# --- command line -------------------------------------------------------------------------------


def make_parser(command, description, epilog):
    return argparse.ArgumentParser(
        prog=command,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def complete_sizes(options, full, quick):
    """Fills in the defaults that depend on --quick, by name."""
    for name, value in (quick if options.quick else full).items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def need_at_least_1(options, *names):
    for name in names:
        if getattr(options, name) < 1:
            give_up(f"--{name.replace('_', '-')} must be at least 1")


def show(options, report, print_report):
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_report(report)


# --- programs -----------------------------------------------------------------------------------


def processors():
    """(server's, load's) processor, or (None, None) when there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def pinned(command, processor):
    return command if processor is None else ["taskset", "-c", str(processor)] + command


def run_json(command, processor=None, stderr=subprocess.PIPE):
    """Runs a program that prints one line of JSON."""
    command = [str(word) for word in command]
    done = subprocess.run(
        pinned(command, processor), stdout=subprocess.PIPE, stderr=stderr, text=True
    )
    if not done.stdout.startswith("{"):
        give_up(f"{os.path.basename(command[0])} failed: {(done.stderr or '').strip()}")
    return json.loads(done.stdout)


def complete_programs(options, *names):
    """Puts the paths of the server and of the programs named into options."""
    options.reelrank = os.path.join(options.programs, "cli/reelrank")
    for name in names:
        setattr(options, name, os.path.join(options.programs, "tests/bench", name))
    if not all(os.path.exists(getattr(options, name)) for name in ("reelrank", *names)):
        give_up(f"{options.programs} has no programs; ./dev bench builds them")


class Server:
    """A server process that says "listening on HOST:PORT" once it serves."""

    def __init__(self, command, processor, log, environment=None):
        start = time.monotonic()
        self.log = open(log, "w")
        self.process = subprocess.Popen(
            pinned(command, processor),
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        line = self.process.stdout.readline()
        self.start_seconds = time.monotonic() - start
        if not line.startswith("listening on "):
            self.stop()
            with open(log) as file:
                give_up(f"{os.path.basename(command[0])} did not start: {file.read().strip()}")
        self.port = int(line.rsplit(":", 1)[1])

    def wait_until_warm(self):
        """
        Of a server with an admin page: until what a start leaves on disk is back in memory, as in one that
        has run for long. That takes processor time and allocates.
        """
        admin = self.process.stdout.readline().split()[-1]
        end = time.monotonic() + WARM_SECONDS
        before = None
        while time.monotonic() < end:
            found = scrape(admin)
            parts = [found[key("reelrank_memory_bytes", part=part)] for part in ("users", "statistics")]
            if parts == before:
                return
            before = parts
            time.sleep(WARM_LOOK_SECONDS)
        give_up(f"users are still read from disk {WARM_SECONDS} s after the start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def cpu_ns(self):
        """Time on a processor of all threads so far."""
        tasks = f"/proc/{self.process.pid}/task"
        total = 0
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    def descriptors(self):
        """How many are open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """Resident bytes: anonymous, and of files (the store's pages, which can be dropped)."""
        found = {}
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith(("RssAnon", "RssFile")):
                    name, value = line.split(":")
                    found[name] = int(value.split()[0]) * 1024
        return found


# --- data ---------------------------------------------------------------------------------------


def file_hash(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_stamp(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def prepare_data(options):
    """Of the sizes in options; see prepare_data_of()."""
    names = ("videos", "users", "signals_per_user")
    return prepare_data_of(options, {key: getattr(options, key) for key in names})


def prepare_data_of(options, sizes):
    """Returns the folder of the data and what fill said of it; fills it if need be."""
    name = "-".join(f"{value}-{key.replace('_', '-')}" for key, value in sizes.items())
    folder = os.path.join(options.data, name)
    stamp_path = os.path.join(folder, "stamp.json")
    wanted = {"fill": file_hash(options.fill), **sizes}
    stamp = read_stamp(stamp_path)
    if stamp is not None and all(stamp.get(key) == value for key, value in wanted.items()):
        return folder, stamp
    if os.path.isdir(folder):
        shutil.rmtree(folder)
    os.makedirs(folder)
    say(options, f"filling {folder}")
    words = [f"--{key.replace('_', '-')}={value}" for key, value in sizes.items()]
    words += [] if options.json else ["--progress"]
    filled = run_json(
        [options.fill, "--data", os.path.join(folder, "store"), *words],
        stderr=subprocess.PIPE if options.json else None,
    )
    stamp = {**wanted, **filled}
    with open(stamp_path, "w") as file:
        json.dump(stamp, file)
    return folder, stamp


# --- machine ------------------------------------------------------------------------------------


def first_line(path, prefix):
    """What follows the prefix in the first line of a file that begins with it."""
    with open(path) as file:
        for line in file:
            if line.startswith(prefix):
                return line[len(prefix) :].strip(" \t:=\"\n")
    return "unknown"


def git(*words):
    done = subprocess.run(
        ["git", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return done.stdout.strip()


def machine_facts():
    """What a figure depends on besides the program."""
    changed = git("status", "--porcelain", "--untracked-files=no") != ""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else ""),
        "processor": first_line("/proc/cpuinfo", "model name"),
        "processors": os.cpu_count(),
        "memory_gib": int(first_line("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20),
        "kernel": os.uname().release,
        "system": first_line("/etc/os-release", "PRETTY_NAME"),
        "load_average": os.getloadavg()[0],
    }


# --- measuring ----------------------------------------------------------------------------------


def busy_seconds():
    """CPU time used by everything on this machine."""
    with open("/proc/stat") as file:
        ticks = [int(word) for word in file.readline().split()[1:]]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """CPU time used by this program and by the loads it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def observe(server, run):
    """What run() returns, with the server's CPU and the share that other processes took."""
    start, busy, own, cpu = time.monotonic(), busy_seconds(), own_seconds(), server.cpu_ns()
    result = run()
    cpu = server.cpu_ns() - cpu
    others = busy_seconds() - busy - (own_seconds() - own) - cpu / 1e9
    seconds = time.monotonic() - start
    return {**result, "server_cpu_ns": cpu, "others": max(0.0, others / seconds / os.cpu_count())}


class Disturbances:
    """How many runs in a row could not be had without others on the machine."""

    in_a_row = 0


def least_disturbed(run):
    """
    The best of a few results of run(); just one when nothing disturbs it, or when the machine has
    been busy for so long that waiting for a better moment is of no use.
    """
    tries = TRIES if Disturbances.in_a_row < BUSY_RUNS else 1
    best = None
    for _ in range(tries):
        result = run()
        if best is None or result["others"] < best["others"]:
            best = result
        if best["others"] < OTHERS_LIMIT:
            Disturbances.in_a_row = 0
            return best
    Disturbances.in_a_row += 1
    return best


def say(options, text):
    """Progress; a machine that reads JSON gets it only where somebody looks on."""
    if not options.json or sys.stderr.isatty():
        print(f"bench: {text}", file=sys.stderr)


def median(results, key):
    return statistics.median(result[key] for result in results)
