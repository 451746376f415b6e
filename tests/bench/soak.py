"""The real server under steady mixed load for hours: does anything grow that should not?"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # programs are started while channels exist
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

import client
import grpc

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

EPILOG = """\
examples:
  ./dev bench soak                                       an hour
  ./dev bench soak --minutes 5 --plot soak.svg           with a plot; needs gnuplot
  ./dev bench soak --minutes 600 -- --workers 1          options of `reelrank serve` at the end
  ./dev bench soak --time-scale 1440 -- --user-days 10 --statistics-days 10 --retain-mib 200 \
      --window-length 200000                             a day in a minute, so that all retention works

Ranks, RecordSignals and StreamSignals come at a steady rate, signals with the time of the clock.
Everybody is a while with us: users and videos are a window over numbers that moves on, so that new
ones come all the time and nobody hears of the old ones again. The catalogue follows with
UpsertVideos and DeleteVideos, one user in each sample is forgotten, and there is a backup now and
then. After each sample (--sample) the sizes are noted.

Memory should be level in the second half, once the window has moved by its own width or the server
has met its bounds; without retention options the log and the table of users grow, as they must.
Exit code 1: something failed.
"""

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
    """How often what failed how; what the server does not offer yet is counted apart."""

    def __init__(self):
        self.counts = {}
        self.unimplemented = {}

    def note(self, name, error):
        kind = self.counts
        if isinstance(error, grpc.RpcError):
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                kind = self.unimplemented
            error = f"{error.code().name}: {error.details()}"
        key = f"{name}: {error}"
        kind[key] = kind.get(key, 0) + 1

    def call(self, name, function):
        try:
            return function()
        except (grpc.RpcError, OSError) as error:
            self.note(name, error)
            return None

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
    """Rare calls, by a stock client."""

    def __init__(self, server, failures):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.port}", client.CHANNEL_OPTIONS)
        self.api = client.Api(self.channel)
        self.failures = failures
        self.calls = 0

    def call(self, name, **values):
        self.calls += 1
        return self.failures.call(name, lambda: getattr(self.api, name)(**values))

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
            self.call("UpsertVideos", videos=[self.video(number) for number in part])
        for part in pieces(old):
            self.call("DeleteVideos", video_ids=[video_id(number) for number in part])

    def forget(self, number):
        self.call("ForgetUser", user_id=user_id(number))

    def status(self):
        return self.call("GetStatus")

    def close(self):
        self.channel.close()


def pieces(numbers):
    return [numbers[i : i + VIDEOS_PER_CALL] for i in range(0, len(numbers), VIDEOS_PER_CALL)]


class Load:
    """The programs that send at a steady rate for one sample."""

    def __init__(self, options, server, scratch):
        self.options = options
        self.port = server.port
        self.pool = os.path.join(scratch, "ranks.pool")

    def write_pool(self, window):
        words = [*window.words(), "--now-ms", int(time.time() * 1000), "--bodies", 200]
        words += ["--candidates", min(self.options.candidates, self.options.videos)]
        command = [self.options.requests, "--output", self.pool, *words]
        subprocess.run([str(word) for word in command], check=True)

    def start(self, window):
        """{name: process}; each prints a line of JSON."""
        half = max(1, self.options.signals // 2 // self.options.batch)
        signals = [self.options.signal_program, *window.words(), "--batch", self.options.batch]
        signals += ["--rate", half, "--connections", 4, "--streams", 16]
        signals += ["--time-scale", self.options.time_scale, "--time-end-ms", self.options.end_ms]
        signals += ["--method"]
        ranks = [self.options.load, "--pool", self.pool, "--rate", self.options.ranks]
        ranks += ["--requests", 0, "--connections", 4, "--streams", 64]
        commands = {"record": signals + ["record"], "stream": signals + ["stream"], "rank": ranks}
        if self.options.ranks == 0:
            del commands["rank"]
        common = ["--port", self.port, "--seconds", self.options.sample]
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
        self.window = Window(options)
        self.samples = []

    def fill(self):
        say(self.options, f"{self.options.videos} videos into {self.data}")
        run_json([self.options.fill, "--data", self.data, "--users", 0]
                 + ["--videos", self.options.videos])

    def start(self):
        command = [self.options.reelrank, "serve", "--listen", "127.0.0.1:0", "--data", self.data]
        log = os.path.join(self.scratch, "serve.log")
        self.server = Server(command + self.options.server_options, None, log)
        self.catalogue = Catalogue(self.server, self.failures)
        self.load = Load(self.options, self.server, self.scratch)
        self.backups = Backups(self.options, self.data, self.scratch, self.failures)

    def sample(self, begin):
        seconds = time.monotonic() - begin
        new, old = self.window.move(seconds)
        self.load.write_pool(self.window)
        processes = self.load.start(self.window)
        self.catalogue.follow(new, old)
        if self.window.first_user > 0:  # who is still with us would be refused from now on
            self.catalogue.forget(random.randrange(self.window.first_user))
        self.backups.look(seconds)
        results = collect(processes, self.failures)
        if self.is_up():
            self.samples.append(self.note(time.monotonic() - begin, results))

    def is_up(self):
        return self.server.process.poll() is None

    def note(self, seconds, results):
        memory, status = self.server.memory(), self.catalogue.status()
        row = {
            "seconds": round(seconds, 1),
            "resident_bytes": memory["RssAnon"],
            "resident_file_bytes": memory["RssFile"],
            "files": file_bytes(self.data),
            "failures": self.failures.total(),
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
        while self.is_up() and time.monotonic() - begin < self.options.minutes * 60:
            self.sample(begin)
            if self.samples and time.monotonic() - said >= 60:
                said = time.monotonic()
                say(self.options, progress(self.samples[-1]))
        self.backups.finish()

    def stop(self):
        """A server that is down already says so by its exit code."""
        self.catalogue.close()
        self.server.stop()
        if self.server.process.returncode != 0:
            self.failures.note("server", f"ended with {self.server.process.returncode}")


def progress(row):
    return (
        f"{row['seconds'] / 60:.0f} min: {row['resident_bytes'] / MIB:.0f} MiB, disk "
        f"{row['disk_bytes'] / MIB:.0f} MiB, {row['user_count']} users, {row['failures']} failures"
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


def summarize(soak):
    samples, server = soak.samples, soak.options.server_options
    report = {
        "minutes": round(samples[-1]["seconds"] / 60, 1),
        "server_options": server,
        "resident": trend(samples, "resident_bytes"),
        "disk": trend(samples, "disk_bytes"),
        "failures": soak.failures.counts,
        "unimplemented": soak.failures.unimplemented,
        "catalogue_calls": soak.catalogue.calls,
        "backups": soak.backups.count,
        "worst_p99_us": {},
    }
    for name in ("rank", "record", "stream"):
        found = [row[name]["p99_us"] for row in samples if name in row]
        if found:
            report["worst_p99_us"][name] = max(found)
    report["samples"] = samples
    return report


COLUMNS = {
    "min": lambda row: f"{row['seconds'] / 60:.1f}",
    "RSS MiB": lambda row: f"{row['resident_bytes'] / MIB:.0f}",
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


def print_report(report):
    print_table(report["samples"])
    print(f"\nSecond half of {report['minutes']:.0f} minutes:")
    for name in ("resident", "disk"):
        found = report[name]
        print(f"  {name:9}{found['mib_per_hour']:+10.1f} MiB/h;", end=" ")
        print(f"first {found['first_mib']:.0f}, last {found['last_mib']:.0f},", end=" ")
        print(f"most {found['max_mib']:.0f} MiB")
    print(f"{report['backups']} backups, {report['catalogue_calls']} calls of a stock client")
    for kind in ("failures", "unimplemented"):
        for text, count in report[kind].items():
            print(f"{kind}: {count} x {text}")
    if not report["failures"]:
        print("no failures")


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
    parser = make_parser("./dev bench soak", __doc__, EPILOG)
    add = parser.add_argument
    add("--minutes", type=float, default=60, metavar="N", help="how long (60)")
    add("--sample", type=int, default=10, metavar="SECONDS", help="between samples (10)")
    add("--videos", type=int, default=100000, metavar="N", help="videos at a time (100000)")
    add("--users", type=int, default=100000, metavar="N", help="users at a time (100000)")
    add("--new-videos", type=float, default=20, metavar="N", help="videos a second (20)")
    add("--new-users", type=float, default=200, metavar="N", help="users a second (200)")
    add("--signals", type=int, default=20000, metavar="N", help="signals a second (20000)")
    add("--batch", type=int, default=64, metavar="N", help="signals of a message (64)")
    add("--ranks", type=int, default=200, metavar="N", help="ranks a second (200)")
    add("--candidates", type=int, default=300, metavar="N", help="of each rank (300)")
    add("--backup-minutes", type=float, default=5, metavar="N", help="between backups; 0: none (5)")
    add("--time-scale", type=int, default=1, metavar="N",
        help="signals' times pass so many times as fast, and end with the clock's (1)")
    add("--plot", metavar="FILE", help="draw memory and disk over time as SVG")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=DEFAULT_DATA, metavar="DIR", help="where data is made (%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    add("server_options", nargs="*", metavar="-- OPTION", help="options of `reelrank serve`")
    return parser.parse_args(words)


def complete_options(options):
    for name in ("minutes", "sample", "videos", "users", "signals", "batch", "candidates"):
        if getattr(options, name) <= 0:
            give_up(f"--{name} must be more than 0")
    complete_programs(options, "fill", "load", "requests")
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
        report = summarize(soak)
        if options.plot:
            plot(report, options.plot, scratch)
    show(options, report, print_report)
    sys.exit(1 if report["failures"] else 0)
