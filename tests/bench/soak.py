"""The real server under steady mixed load for hours: does anything fail or grow, and do its counters add up?"""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # programs are started while channels exist
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

import client
import grpc

from exposition import key, key_text, scrape
from harness import (
    DEFAULT_DATA,
    Server,
    complete_programs,
    give_up,
    make_parser,
    run_json,
    say,
    show,
)
from soak_client import Client
from soak_counts import Counts

EPILOG = """\
examples:
  ./dev bench soak                                       an hour
  ./dev bench soak --minutes 5 --plot soak.svg           with a plot; needs gnuplot
  ./dev bench soak --minutes 600 --time-scale 1 -- --workers 1     options of `reelrank serve` at the end

Ranks, RecordSignals and StreamSignals come at a steady rate. Signals' times pass --time-scale times as fast as the clock, so
that an hour has months and all that is kept for days comes and goes; they meet the clock at the end. Everybody is a while
with us: users and videos are a window over numbers that moves on, so that new ones come all the time and nobody hears of the
old ones again. The catalogue follows with UpsertVideos and DeleteVideos. In each sample (--sample) one user is forgotten, the
weights change, by ApplyWeights, by the file and by a rollback in turn, and a stock client calls every kind of method, rightly
and wrongly; there is a backup now and then. After each sample the sizes are noted.

Exit code 1: something failed; a counter of /metrics is not what clients have seen; or memory or descriptors are not level, which
is when the median of the last quarter of the samples is more than that of the quarter before, for memory by --allow-percent.
A run must be long enough to meet its bounds before its second half. Without options at the end the server runs with
  {options}
"""

# So that each kind of retention is at work within minutes. Nothing is refused because others use the processors.
SERVER_OPTIONS = ["--user-days", "10", "--statistics-days", "10", "--retain-mib", "200", "--window-length", "200000",
                  "--journal-mib", "16", "--queue-delay-ms", "5000"]
WATCH_MS = 200

MASK = (1 << 64) - 1
SALT_USER_ID = 4  # as in dataset.c
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VIDEOS_PER_CALL = 500
LANGUAGES = ["hi", "ta", "te", "bn", "mr", "kn", "ru", "id"]
MIB = 1 << 20


# --- the dataset's names, as in dataset.c -------------------------------------------------------


def mix(number):
    mixed = (number + 0x9E3779B97F4A7C15) & MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
    return mixed ^ mixed >> 31


def write_id(bits):
    return "".join(LETTERS[bits >> 6 * i & 63] for i in range(11))


def video_id(number):
    return write_id(mix(number))


def user_id(number):
    return write_id(mix(number ^ mix(SALT_USER_ID)))


# --- load ---------------------------------------------------------------------------------------


class Failures:
    """How often what failed how."""

    def __init__(self):
        self.counts = {}

    def note(self, name, error):
        if isinstance(error, grpc.RpcError):
            error = f"{error.code().name}: {error.details()}"
        key = f"{name}: {error}"
        self.counts[key] = self.counts.get(key, 0) + 1

    def total(self):
        return sum(self.counts.values())


class Window:
    """Which users and videos there are now, by their numbers."""

    def __init__(self, options):
        self.options = options
        self.first_user = 0
        self.first_video = 0

    def move(self, seconds):
        """Returns the numbers of new videos and of old ones, as ranges."""
        before = self.first_video
        self.first_user = int(seconds * self.options.new_users)
        self.first_video = int(seconds * self.options.new_videos)
        width = self.options.videos
        return range(before + width, self.first_video + width), range(before, self.first_video)

    def words(self):
        return [
            *("--first-user", self.first_user, "--users", self.options.users),
            *("--first-video", self.first_video, "--videos", self.options.videos),
        ]


class Catalogue:
    """Keeps the server's videos those of the window."""

    def __init__(self, stock):
        self.stock = stock

    def video(self, number):
        language = LANGUAGES[number % len(LANGUAGES)]
        return client.schema.Video(
            video_id=video_id(number),
            creator_id=f"creator-{number // 50}",
            languages=[language],
            duration_ms=5000 + mix(number) % 55000,
            published_ms=int(time.time() * 1000),
            safety_rating="SAFETY_RATING_LOW_RISK",
            categories=[f"category-{mix(number) % 40}"],
            tags=[f"tag-{mix(number) % 5000}"],
        )

    def follow(self, new, old):
        for part in pieces(new):
            self.stock.call("UpsertVideos", videos=[self.video(number) for number in part])
        for part in pieces(old):
            self.stock.call("DeleteVideos", video_ids=[video_id(number) for number in part])


class Weights:
    """Changes the weights in one of three ways after the other, and looks that rankings follow."""

    def __init__(self, options, path):
        """Writes the file, for the server to start with."""
        self.path = path
        self.stock = None  # Client
        self.counts = {"apply": 0, "file": 0, "rollback": 0}
        with open(options.weights) as file:
            self.base = file.read()
        self.write()

    def text(self):
        """Of a version of its own."""
        return re.sub(r"(?m)^version:.*$", f"version: soak-{sum(self.counts.values())}", self.base, count=1)

    def write(self):
        with open(self.path + ".new", "w") as file:
            file.write(self.text())
        os.rename(self.path + ".new", self.path)

    def change(self):
        kind = list(self.counts)[sum(self.counts.values()) % len(self.counts)]
        self.counts[kind] += 1
        version = {"apply": self.apply, "file": self.replace_file, "rollback": self.roll_back}[kind]()
        answer = self.stock.rank([video_id(1)])
        if version is None or answer is None or answer.weights_version != version:
            self.stock.failures.note(f"weights by {kind}", f"{version} is not in force at once")
        self.stock.counts.add("reelrank_weights_change")

    def apply(self):
        answer = self.stock.call("ApplyWeights", weights_yaml=self.text(), note="soak")
        return answer and not answer.unchanged and answer.weights_version

    def roll_back(self):
        answer = self.stock.call("RollbackWeights", note="soak")
        return answer and not answer.unchanged and answer.weights_version

    def replace_file(self):
        self.write()
        name = f"soak-{sum(self.counts.values())}@"
        end = time.monotonic() + client.TIMEOUT
        while time.monotonic() < end:
            status = self.stock.call("GetStatus")
            if status is not None and status.weights_version.startswith(name):
                return status.weights_version
            time.sleep(WATCH_MS / 1000)
        return None


def pieces(numbers):
    return [numbers[i : i + VIDEOS_PER_CALL] for i in range(0, len(numbers), VIDEOS_PER_CALL)]


class Load:
    """The programs that send at a steady rate for one sample."""

    CONNECTIONS = 4

    def __init__(self, options, server, scratch):
        self.options = options
        self.port = server.port
        self.pool = os.path.join(scratch, "ranks.pool")

    def write_pool(self, window):
        words = [*window.words(), "--now-ms", int(time.time() * 1000), "--bodies", 200]
        words += ["--candidates", self.options.candidates]
        command = [self.options.requests, "--output", self.pool, *words]
        subprocess.run([str(word) for word in command], check=True)

    def start(self, window):
        """{name: process}; each prints a line of JSON."""
        half = max(1, self.options.signals // 2 // self.options.batch)
        signals = [self.options.signal_program, *window.words(), "--batch", self.options.batch]
        signals += ["--rate", half, "--streams", 16]
        signals += ["--time-scale", self.options.time_scale, "--time-end-ms", self.options.end_ms]
        signals += ["--method"]
        ranks = [self.options.load, "--pool", self.pool, "--rate", self.options.ranks]
        ranks += ["--requests", 0, "--streams", 64, "--rankings"]
        commands = {"record": signals + ["record"], "stream": signals + ["stream"], "rank": ranks}
        common = ["--port", self.port, "--seconds", self.options.sample, "--connections", self.CONNECTIONS]
        common += ["--relaxed"]
        return {name: self.launch([*words, *common]) for name, words in commands.items()}

    @staticmethod
    def launch(command):
        command = [str(word) for word in command]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def collect(processes, failures):
    """What each program printed; the failures they counted."""
    results = {}
    for name, process in processes.items():
        output, errors = process.communicate()
        if not output.startswith("{"):
            failures.note(name, errors.strip())
            continue
        results[name] = json.loads(output)
        if results[name]["failures"] or results[name].get("broken_streams"):
            failures.note(name, f"status {results[name]['first_failure']}")
    return results


def count_signals(counts, name, result):
    """Of record or stream. Which signals were not accepted is not known, but none may be."""
    if name == "record":
        counts.statuses("SignalService", "RecordSignals", result["statuses"])
    else:
        messages = sum(result["statuses"].values())
        counts.ended("SignalService", "StreamSignals", "OK", result["calls"])
        counts.messages("SignalService", "StreamSignals", messages, messages, unary=False)
    for kind, count in result["types"].items():
        counts.signals(kind, "accepted", count)


def count_results(counts, options, results):
    """What the programs of a sample have seen."""
    for name, result in results.items():
        counts.connections(Load.CONNECTIONS)
        if name == "rank":
            counts.statuses("RankingService", "Rank", result["statuses"])
            good = result["good"]
            counts.rankings(good, good * options.candidates, result["positions"], result["drops"])
        else:
            count_signals(counts, name, result)


class Backups:
    """One beside the server every now and then, removed once it is complete."""

    def __init__(self, options, data, scratch, failures):
        self.options = options
        self.data = data
        self.path = os.path.join(scratch, "backup")
        self.failures = failures
        self.process = None
        self.due = options.backup_minutes * 60
        self.count = 0

    def look(self, seconds):
        if self.process is not None and self.process.poll() is not None:
            self.end()
        if self.process is None and self.options.backup_minutes > 0 and seconds >= self.due:
            command = [self.options.reelrank, "backup", "--data", self.data, self.path]
            self.process = Load.launch(command)
            self.due = seconds + self.options.backup_minutes * 60

    def end(self):
        _, errors = self.process.communicate()
        if self.process.returncode != 0:
            self.failures.note("backup", errors.strip())
        shutil.rmtree(self.path, ignore_errors=True)
        self.count += self.process.returncode == 0
        self.process = None

    def finish(self):
        if self.process is not None:
            self.end()


# --- the soak -----------------------------------------------------------------------------------


def file_bytes(data):
    """Bytes of each file of a data directory."""
    return {entry.name: entry.stat().st_size for entry in os.scandir(data) if entry.is_file()}


class Soak:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.data = os.path.join(scratch, "data")
        self.failures = Failures()
        self.counts = Counts()
        self.window = Window(options)
        self.samples = []

    def fill(self):
        say(self.options, f"{self.options.videos} videos into {self.data}")
        run_json([self.options.fill, "--data", self.data, "--users", 0]
                 + ["--videos", self.options.videos])

    def start(self):
        path = os.path.join(self.scratch, "weights.yaml")
        log = os.path.join(self.scratch, "serve.log")
        self.weights = Weights(self.options, path)
        command = [self.options.reelrank, "serve", "--listen", "127.0.0.1:0", "--data", self.data]
        command += ["--admin-listen", "127.0.0.1:0", "--weights", path, "--weights-watch-ms", str(WATCH_MS)]
        self.server = Server(command + self.options.server_options, None, log)
        self.admin = self.server.process.stdout.readline().split()[-1]
        self.stock = Client(self.server.port, self.counts, self.failures)
        self.catalogue = Catalogue(self.stock)
        self.weights.stock = self.stock
        self.load = Load(self.options, self.server, self.scratch)
        self.backups = Backups(self.options, self.data, self.scratch, self.failures)
        self.before = self.settled(1)

    def settled(self, connections):
        """What /metrics says when no call is under way and just so many connections are open."""
        end = time.monotonic() + client.TIMEOUT
        while time.monotonic() < end:
            found = scrape(self.admin)
            if found[key("reelrank_calls_in_flight")] == 0 and found[key("reelrank_connections")] == connections:
                return found
            time.sleep(0.05)
        self.failures.note("settled", "calls or connections of clients that are gone remain")
        return found

    def signal_time_ms(self):
        """As in signals.c."""
        now_ms = int(time.time() * 1000)
        return self.options.end_ms - max(0, self.options.end_ms - now_ms) * self.options.time_scale

    def call_all(self):
        """One round of calls of every kind."""
        stock, now_ms = self.stock, self.signal_time_ms()
        ids = [video_id(self.window.first_video + number) for number in range(30)]
        mixed = [*ids, "no-such-video", ids[0], video_id(self.window.first_video - 1)]
        stock.rank(ids)
        stock.rank_twice(mixed)
        stock.rank_wrongly(ids)
        stock.rank_stream(mixed)
        stock.record(now_ms, ids[0])
        stock.stream(now_ms, ids[1])
        stock.upload(now_ms, ids[2])
        stock.look(ids)
        if self.window.first_user > 0:  # who is still with us would be refused from now on
            stock.call("ForgetUser", user_id=user_id(random.randrange(self.window.first_user)))

    def sample(self, begin):
        seconds = time.monotonic() - begin
        new, old = self.window.move(seconds)
        self.load.write_pool(self.window)
        processes = self.load.start(self.window)
        self.catalogue.follow(new, old)
        self.weights.change()
        self.call_all()
        self.backups.look(seconds)
        results = collect(processes, self.failures)
        count_results(self.counts, self.options, results)
        if self.is_up():
            self.samples.append(self.note(time.monotonic() - begin, results))

    def is_up(self):
        return self.server.process.poll() is None

    def note(self, seconds, results):
        memory, status = self.server.memory(), self.stock.call("GetStatus")
        self.settled(1)
        row = {
            "seconds": round(seconds, 1),
            "resident_bytes": memory["RssAnon"],
            "resident_file_bytes": memory["RssFile"],
            "descriptors": self.server.descriptors(),
            "files": file_bytes(self.data),
            "failures": self.failures.total(),
            "machine_load": os.getloadavg()[0],
        }
        row["disk_bytes"] = sum(row["files"].values())
        for name in ("user_count", "video_count", "log_first_sequence", "state_sequence"):
            row[name] = getattr(status, name, None)
        for name, result in results.items():
            rate = result.get("signals_per_second", result.get("rps"))
            row[name] = {"rate": rate, "p50_us": result["p50_us"], "p99_us": result["p99_us"]}
        return row

    def run(self):
        begin = time.monotonic()
        said = begin
        cpu_ns = self.server.cpu_ns()
        while self.is_up() and time.monotonic() - begin < self.options.minutes * 60:
            self.sample(begin)
            if self.samples and time.monotonic() - said >= 60:
                said = time.monotonic()
                say(self.options, progress(self.samples[-1]))
        self.backups.finish()
        self.cpu_share = (self.server.cpu_ns() - cpu_ns) / 1e9 / (time.monotonic() - begin)
        self.compared, self.differing = self.counts.compare(self.before, self.settled(1))

    def stop(self):
        """A server that is down already says so by its exit code."""
        self.stock.close()
        self.server.stop()
        if self.server.process.returncode != 0:
            self.failures.note("server", f"ended with {self.server.process.returncode}")

    def verify(self):
        done = subprocess.run([self.options.reelrank, "verify", "--data", self.data], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            self.failures.note("verify", done.stdout.strip())


def progress(row):
    return (
        f"{row['seconds'] / 60:.0f} min: {row['resident_bytes'] / MIB:.0f} MiB, {row['descriptors']} descriptors, disk "
        f"{row['disk_bytes'] / MIB:.0f} MiB, {row['user_count']} users, {row['failures']} failures, "
        f"load {row['machine_load']:.1f}"
    )


# --- report -------------------------------------------------------------------------------------


def slope(points):
    """Of the least-squares line through (x, y)."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread > 0 else 0.0


def trend(samples, key):
    """How a size moved in the second half, in MiB."""
    half = samples[len(samples) // 2 :]
    sizes = [row[key] / MIB for row in half]
    points = [(row["seconds"] / 3600, size) for row, size in zip(half, sizes)]
    return {
        "mib_per_hour": round(slope(points), 2),
        "first_mib": round(sizes[0], 1),
        "last_mib": round(sizes[-1], 1),
        "max_mib": round(max(sizes), 1),
    }


def level(samples, key, allow_percent=0):
    """The medians of a figure over the third and the last quarter, and whether the second is no more."""
    quarter = len(samples) // 4
    before, last = (
        statistics.median(row[key] for row in part)
        for part in (samples[2 * quarter : 3 * quarter] or samples, samples[3 * quarter :])
    )
    return {"before": before, "last": last, "level": last <= before * (1 + allow_percent / 100)}


def summarize(soak):
    samples, options = soak.samples, soak.options
    report = {
        "minutes": round(samples[-1]["seconds"] / 60, 1),
        "server_options": options.server_options,
        "resident": {**trend(samples, "resident_bytes"), **level(samples, "resident_bytes", options.allow_percent)},
        "descriptors": level(samples, "descriptors"),
        "disk": trend(samples, "disk_bytes"),
        "failures": soak.failures.counts,
        "unknown_outcomes": soak.counts.unknown,
        "counters_compared": soak.compared,
        "counters_differing": soak.differing,
        "seen": {key_text(counter): count for counter, count in sorted(soak.counts.values.items())},
        "stock_calls": soak.stock.calls,
        "weights_changes": soak.weights.counts,
        "backups": soak.backups.count,
        "server_cpu": round(soak.cpu_share, 3),
        "machine_load": statistics.median(row["machine_load"] for row in samples),
        "worst_p99_us": {},
    }
    for name in ("rank", "record", "stream"):
        found = [row[name]["p99_us"] for row in samples if name in row]
        if found:
            report["worst_p99_us"][name] = max(found)
    report["samples"] = samples
    return report


def passed(report):
    return (not report["failures"] and not report["counters_differing"] and report["unknown_outcomes"] == 0
            and report["resident"]["level"] and report["descriptors"]["level"])


COLUMNS = {
    "min": lambda row: f"{row['seconds'] / 60:.1f}",
    "RSS MiB": lambda row: f"{row['resident_bytes'] / MIB:.0f}",
    "fds": lambda row: str(row["descriptors"]),
    "disk MiB": lambda row: f"{row['disk_bytes'] / MIB:.0f}",
    "users": lambda row: str(row["user_count"]),
    "videos": lambda row: str(row["video_count"]),
    "log from": lambda row: str(row["log_first_sequence"]),
    "log to": lambda row: str(row["state_sequence"]),
    "signals/s": lambda row: f"{rate_of(row, 'record') + rate_of(row, 'stream'):.0f}",
    "ack p99 ms": lambda row: f"{p99_of(row, 'record') / 1000:.1f}",
    "rank/s": lambda row: f"{rate_of(row, 'rank'):.0f}",
    "p99 ms": lambda row: f"{p99_of(row, 'rank') / 1000:.1f}",
    "failures": lambda row: str(row["failures"]),
    "load": lambda row: f"{row['machine_load']:.1f}",
}


def rate_of(row, name):
    return row.get(name, {}).get("rate", 0)


def p99_of(row, name):
    return row.get(name, {}).get("p99_us", 0)


def print_table(samples):
    step = max(1, len(samples) // 40)
    print("".join(f"{name:>11}" for name in COLUMNS))
    for row in samples[step - 1 :: step]:
        print("".join(f"{form(row):>11}" for form in COLUMNS.values()))


def print_sizes(report):
    print(f"\nSecond half of {report['minutes']:.0f} minutes:")
    for name in ("resident", "disk"):
        found = report[name]
        print(f"  {name:9}{found['mib_per_hour']:+10.1f} MiB/h;", end=" ")
        print(f"first {found['first_mib']:.0f}, last {found['last_mib']:.0f},", end=" ")
        print(f"most {found['max_mib']:.0f} MiB")
    print("Medians of the quarter before the last, and of the last:")
    for name, unit in (("resident", MIB), ("descriptors", 1)):
        found = report[name]
        verdict = "level" if found["level"] else "GROWS"
        print(f"  {name:12}{found['before'] / unit:10.1f}{found['last'] / unit:10.1f}  {verdict}")


def print_counts(report):
    seen = report["seen"]
    calls, signals = (sum(count for name, count in seen.items() if name.startswith(prefix))
                      for prefix in ("reelrank_calls_total", "reelrank_signals_total"))
    print(f"\nClients saw {calls} calls, {signals} signals and {seen['reelrank_rank_candidates_sum']} candidates;", end=" ")
    print(f"{report['unknown_outcomes']} calls had an unknown outcome")
    print(f"{report['counters_compared']} counters compared, {len(report['counters_differing'])} differ")
    for text, client_count, server_count in report["counters_differing"]:
        print(f"  {text}: clients {client_count}, server {server_count:.0f}")


def print_report(report):
    print_table(report["samples"])
    print_sizes(report)
    print_counts(report)
    changes = ", ".join(f"{count} by {kind}" for kind, count in report["weights_changes"].items())
    print(f"Weights changed {changes}; {report['backups']} backups; {report['stock_calls']} calls of a stock client")
    print(f"The server took {report['server_cpu']:.0%} of a processor; the machine's load was {report['machine_load']:.1f}")
    for text, count in report["failures"].items():
        print(f"failures: {count} x {text}")
    print("passed" if passed(report) else "FAILED")


PLOT = """\
set terminal svg size 900,700 background "white"
set output "{output}"
set multiplot layout 2,1
set key left top
set xlabel "minutes"
set yrange [0:*]
set ylabel "MiB of memory"
plot "{data}" using 1:2 with lines title "resident", "" using 1:3 with lines title "file pages"
set ylabel "MiB of disk"
plot "{data}" using 1:4 with lines title "all files", "" using 1:5 with lines title "data.mdb"
"""


def plot(report, path, scratch):
    if shutil.which("gnuplot") is None:
        print("bench: no plot: gnuplot is absent; apt-get install gnuplot-nox", file=sys.stderr)
        return
    data = os.path.join(scratch, "plot.dat")
    with open(data, "w") as file:
        for row in report["samples"]:
            sizes = [row["resident_bytes"], row["resident_file_bytes"], row["disk_bytes"]]
            sizes.append(row["files"].get("data.mdb", 0))
            print(row["seconds"] / 60, *[size / MIB for size in sizes], file=file)
    script = PLOT.format(output=os.path.abspath(path), data=data)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


# --- main ---------------------------------------------------------------------------------------


def parse_options(words):
    parser = make_parser("./dev bench soak", __doc__, EPILOG.format(options=" ".join(SERVER_OPTIONS)))
    add = parser.add_argument
    add("--minutes", type=float, default=60, metavar="N", help="how long (60)")
    add("--sample", type=int, default=10, metavar="SECONDS", help="between samples (10)")
    add("--videos", type=int, default=100000, metavar="N", help="videos at a time (100000)")
    add("--users", type=int, default=100000, metavar="N", help="users at a time (100000)")
    add("--new-videos", type=float, default=60, metavar="N", help="videos a second (60)")
    add("--new-users", type=float, default=200, metavar="N", help="users a second (200)")
    add("--signals", type=int, default=10000, metavar="N", help="signals a second (10000)")
    add("--batch", type=int, default=64, metavar="N", help="signals of a message (64)")
    add("--ranks", type=int, default=500, metavar="N", help="ranks a second (500)")
    add("--candidates", type=int, default=300, metavar="N", help="of each rank (300)")
    add("--backup-minutes", type=float, default=5, metavar="N", help="between backups; 0: none (5)")
    add("--time-scale", type=int, default=2880, metavar="N",
        help="signals' times pass so many times as fast, and end with the clock's (2880)")
    add("--allow-percent", type=float, default=2, metavar="N", help="growth of memory that is noise (2)")
    add("--plot", metavar="FILE", help="draw memory and disk over time as SVG")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is made (%(default)s)")
    add("--weights", default="config/weights.yaml", metavar="FILE", help="(%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    add("server_options", nargs="*", metavar="-- OPTION", help="options of `reelrank serve`")
    return parser.parse_args(words)


def complete_options(options):
    for name in ("minutes", "sample", "videos", "users", "signals", "batch", "ranks", "candidates"):
        if getattr(options, name) <= 0:
            give_up(f"--{name} must be more than 0")
    if options.candidates > options.videos:
        give_up("--candidates must not be more than --videos")
    complete_programs(options, "fill", "load", "requests")
    options.server_options = options.server_options or SERVER_OPTIONS
    options.end_ms = int((time.time() + options.minutes * 60) * 1000)
    options.signal_program = os.path.join(options.programs, "tests/bench/signals")


def main(words):
    options = parse_options(words)
    complete_options(options)
    os.makedirs(options.data, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.data, prefix="soak-") as scratch:
        soak = Soak(options, scratch)
        soak.fill()
        soak.start()
        try:
            soak.run()
        finally:
            soak.stop()
        if not soak.samples:
            give_up(f"the server did not live for one sample: {soak.failures.counts}")
        soak.verify()
        report = summarize(soak)
        if options.plot:
            plot(report, options.plot, scratch)
    show(options, report, print_report)
    sys.exit(0 if passed(report) else 1)
