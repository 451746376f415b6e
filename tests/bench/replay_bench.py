"""What replays cost: events, candidates and decisions for a second of one processor, and memory by a log's length."""

import json
import os
import subprocess
import tempfile
import time

from harness import (
    Server,
    complete_programs,
    complete_sizes,
    give_up,
    make_parser,
    need_at_least_1,
    run_json,
    say,
    show,
)

EPILOG = """\
examples:
  ./dev bench replay                        some six minutes on an idle machine
  ./dev bench replay --quick                a tenth of the log, of the decisions and of the lengths
  ./dev bench replay --lengths 1000000 10000000
  ./dev bench replay --candidates 1000 --json

Rates are of the whole process, by its user and system time, so others on the machine disturb them little: starting,
reading, deriving the state, ranking, joining and all intervals of the report are in them. Logs of files come from
"reelrank simulate". Decisions come from a server's journal: clients rank and record signals at once, all answers are
kept, and each has all of its candidates. Memory is the most that was resident while a log of each length came through
a pipe, with the same users and videos.
"""

NOW_MS = 1795305600000  # of simulated logs, so that every run has the same
MORE_WEIGHTS = 2  # contenders beside the first, to see what one more costs
WEIGHTS = "version: more-%d\nvalue: {like: %d}\n"
EXPLORING = "version: exploring\nslate: {explore: plackett_luce, explore_positions: 10, explore_temperature: 4}\n"
SIGNALS_OF_FILL = 20
BATCH = 64
BATCHES_PER_DECISION = 0.04  # two or three signals for each decision
EXPLORING_SHARE = 0.1  # of the decisions: estimates take a few ms for each, since slates are drawn for them
BODIES = 4000
MIB = 1 << 20


# --- running ------------------------------------------------------------------------------------


def measured(options, *words, stdin=None):
    """What a command of reelrank took, with the JSON that it printed. Its memory is never said to be below this
    program's own, which is less than any replay takes."""
    command = [options.reelrank, *map(str, words)]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdin=stdin, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            give_up(f"{' '.join(command)} failed: {errors.read().strip()}")
        output.seek(0)
        return {
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "seconds": seconds,
            "resident_bytes": usage.ru_maxrss * 1024,
            "report": json.load(output),
        }


def rounds(options, *words):
    """The run with the median CPU."""
    say(options, " ".join(map(str, words[:3])))
    runs = [measured(options, *words) for _ in range(options.rounds)]
    return sorted(runs, key=lambda run: run["cpu_seconds"])[len(runs) // 2]


def simulate(options, signals, *words):
    return [options.reelrank, "simulate", "--videos", str(options.videos), "--users", str(options.users),
            "--signals", str(signals), "--now-ms", str(NOW_MS), *words]


# --- logs in files ------------------------------------------------------------------------------


def rate(run, count):
    return count / run["cpu_seconds"]


def file_figures(options, log, catalogue):
    run = rounds(options, "replay", "ranking", "default", "--catalogue", catalogue, "--log", log, "--age", 25, "--json")
    source = run["report"]["source"]
    if source["rejected"] or source["late"]:
        give_up(f"{log}: {source['rejected']} lines were rejected, {source['late']} late")
    return {
        "bytes": os.path.getsize(log),
        "events": source["events"],
        "rankings": run["report"]["rankings"]["measured"],
        "cpu_seconds": run["cpu_seconds"],
        "events_per_second": rate(run, source["events"]),
        "resident_bytes": run["resident_bytes"],
    }


def simulate_files(options, scratch):
    """(log, catalogue) as JSON Lines."""
    world = os.path.join(scratch, "world")
    say(options, f"simulating {options.signals:,} signals")
    subprocess.run(simulate(options, options.signals, "--out", world), check=True, stderr=subprocess.DEVNULL)
    return os.path.join(world, "log.jsonl"), os.path.join(world, "catalogue.jsonl")


def measure_files(options, scratch):
    plain, catalogue = simulate_files(options, scratch)
    subprocess.run(["zstd", "-q", "-f", plain], check=True)
    return {
        "plain": file_figures(options, plain, catalogue),
        "zstd": file_figures(options, plain + ".zst", catalogue),
    }


def measure_length(options, signals):
    say(options, f"a log of {signals:,} signals through a pipe")
    with subprocess.Popen(simulate(options, signals), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        run = measured(options, "replay", "ranking", "default", "--log", "-", "--age", 25, "--json", stdin=source.stdout)
    events = run["report"]["source"]["events"]
    return {"events": events, "events_per_second": rate(run, events), "resident_bytes": run["resident_bytes"]}


# --- decisions ----------------------------------------------------------------------------------


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def population(options):
    """The most popular videos, which are all candidates of each request, so that users see some of them."""
    return ["--videos", str(options.candidates), "--users", str(options.users)]


def fill(options, folder):
    data = os.path.join(folder, "store")
    run_json([options.fill, "--data", data, "--videos", options.videos, "--users", options.users,
              "--signals-per-user", SIGNALS_OF_FILL])
    return data


def write_pool(options, folder):
    """Requests of now: what users do counts for a ranking within the hour behind it."""
    pool = os.path.join(folder, "requests.pool")
    subprocess.run([options.requests, "--output", pool, *population(options), "--candidates", str(options.candidates),
                    "--bodies", str(BODIES), "--draw", "hot", "--now-ms", str(time.time_ns() // 1000000)], check=True)
    return pool


def load(options, server, pool, decisions):
    """Ranks and records at once. Whatever fails ends the run."""
    at = ["--port", str(server.port), "--streams", "1"]
    batches = max(1, int(decisions * BATCHES_PER_DECISION))
    recording = subprocess.Popen([options.signals_program, *at, *population(options), "--batch", str(BATCH),
                                  "--requests", str(batches), "--connections", "1"],
                                 stdout=subprocess.PIPE, text=True)
    ranked = run_json([options.load, *at, "--pool", pool, "--requests", decisions, "--connections", 4])
    recorded = json.loads(recording.communicate()[0])
    if ranked["failures"] or recorded["failures"]:
        give_up(f"{ranked['failures']} rankings and {recorded['failures']} batches of signals failed")


def make_journal(options, scratch, name, decisions, *server_options):
    """A data directory with a journal of decisions, which nobody holds."""
    say(options, f"{decisions:,} decisions of {options.candidates} candidates, {name}")
    folder = os.path.join(scratch, name)
    os.mkdir(folder)
    data = fill(options, folder)
    command = [options.reelrank, "serve", "--data", data, "--listen", "127.0.0.1:0", "--journal-share-ppm", "1000000"]
    server = Server([*command, *server_options], None, os.path.join(folder, "serve.log"))
    try:
        load(options, server, write_pool(options, folder), decisions)
    finally:
        server.stop()
    return data


def check_count(name, found, decisions):
    if found != decisions:
        give_up(f"{name}: {found} of {decisions} decisions were found")


def ranking_figures(options, data, *weights):
    run = rounds(options, "replay", "ranking", *weights, "--data", data, "--json")
    check_count("replay ranking", run["report"]["rankings"]["found"], options.decisions)
    return {
        "contenders": len(weights),
        "measured": run["report"]["rankings"]["measured"],
        "events": run["report"]["source"]["events"],
        "cpu_seconds": run["cpu_seconds"],
        "resident_bytes": run["resident_bytes"],
        "candidates_per_second": rate(run, len(weights) * options.decisions * options.candidates),
    }


def measure_ranking(options, scratch, data):
    more = [write(os.path.join(scratch, f"more-{i}.yaml"), WEIGHTS % (i, 6 + i)) for i in range(MORE_WEIGHTS)]
    one = ranking_figures(options, data, "default")
    several = ranking_figures(options, data, "default", *more)
    seconds = (several["cpu_seconds"] - one["cpu_seconds"]) / len(more)
    return {"one": one, "several": several,
            "one_more_candidates_per_second": options.decisions * options.candidates / max(seconds, 1e-9)}


def counterfactual_figures(options, data, model, decisions):
    run = rounds(options, "replay", "counterfactual", "default", "--data", data, "--reward-model", model, "--json")
    check_count("replay counterfactual", run["report"]["decisions"]["found"], decisions)
    return {"cpu_seconds": run["cpu_seconds"], "decision_us": 1e6 * run["cpu_seconds"] / decisions,
            "resident_bytes": run["resident_bytes"]}


def parity_figures(options, data, decisions):
    run = rounds(options, "replay", "parity", "--data", data, "--json")
    report = run["report"]
    check_count("replay parity", report["equal"], decisions)
    return {"cpu_seconds": run["cpu_seconds"], "candidates_per_second": rate(run, report["candidates"]),
            "resident_bytes": run["resident_bytes"]}


def measure_decisions(options, scratch):
    weights = write(os.path.join(scratch, "exploring.yaml"), EXPLORING)
    few = max(1, int(options.decisions * EXPLORING_SHARE))
    plain = make_journal(options, scratch, "by score", options.decisions)
    exploring = make_journal(options, scratch, "exploring", few, "--weights", weights)
    return {
        "exploring_decisions": few,
        "ranking": measure_ranking(options, scratch, plain),
        "counterfactual": {model: counterfactual_figures(options, exploring, model, few)
                           for model in ("none", "video")},
        "parity": {"by_score": parity_figures(options, plain, options.decisions),
                   "exploring": parity_figures(options, exploring, few)},
    }


def measure_rates(options, scratch, *server_options):
    """The two rates that stand for the others: of a log in a file, and of a journal with one weights file."""
    files = file_figures(options, *simulate_files(options, scratch))
    data = make_journal(options, scratch, "by score", options.decisions, *server_options)
    return {
        "files": files,
        "ranking": ranking_figures(options, data, "default"),
        "parity": parity_figures(options, data, options.decisions),
        "decisions": options.decisions,
        "candidates": options.candidates,
    }


# --- report -------------------------------------------------------------------------------------


def print_row(name, figure, unit, resident):
    print(f"{name:<50} {figure:>12,.0f} {unit:<14} {resident / MIB:>6,.0f} MiB")


def print_files(report):
    for name, title in (("plain", "JSON Lines"), ("zstd", "JSON Lines, zstd")):
        one = report["files"][name]
        print_row(f"replay ranking, {title}", one["events_per_second"], "events/s", one["resident_bytes"])
    for one in report["lengths"]:
        print_row(f"  {one['events']:,} events through a pipe", one["events_per_second"], "events/s",
                  one["resident_bytes"])


def print_decisions(report):
    ranking, counterfactual, parity = report["ranking"], report["counterfactual"], report["parity"]
    for key in ("one", "several"):
        one = ranking[key]
        name = f"replay ranking, a journal, weights files: {one['contenders']}"
        print_row(name, one["candidates_per_second"], "candidates/s", one["resident_bytes"])
    print(f"{'  one more weights file alone':<50} {ranking['one_more_candidates_per_second']:>12,.0f} candidates/s")
    for model, title in (("none", "no reward model"), ("video", "reward model")):
        one = counterfactual[model]
        print_row(f"replay counterfactual, {title}", one["decision_us"], "us a decision", one["resident_bytes"])
    for key, title in (("by_score", "slates by score"), ("exploring", "exploring slates")):
        one = parity[key]
        print_row(f"replay parity, {title}", one["candidates_per_second"], "candidates/s", one["resident_bytes"])


def print_report(report):
    print(f"For a second of one processor, user and system time, of the whole process; most memory.\n"
          f"{report['videos']:,} videos, {report['users']:,} users; {report['decisions']:,} decisions by "
          f"score and\n{report['exploring_decisions']:,} exploring ones, of {report['candidates']:,} candidates; "
          f"medians of {report['rounds']}.\n")
    print_files(report)
    print_decisions(report)
    shortest, longest = report["lengths"][0], report["lengths"][-1]
    print(f"\nA log {longest['events'] / shortest['events']:,.1f} times as long took "
          f"{longest['resident_bytes'] / shortest['resident_bytes']:.2f} times the memory.")


# --- main ---------------------------------------------------------------------------------------


def parse_options(words):
    parser = make_parser("./dev bench replay", __doc__, EPILOG)
    add = parser.add_argument
    add("--signals", type=int, metavar="N", help="of the log in files (1000000)")
    add("--lengths", type=int, nargs="+", metavar="N", help="signals of logs through a pipe (1000000 5000000 20000000)")
    add("--decisions", type=int, metavar="N", help="in the journal, and a tenth of it in one that explores (20000)")
    add("--candidates", type=int, default=300, metavar="N", help="of each decision (%(default)s)")
    add("--videos", type=int, default=5000, metavar="N", help="in the catalogue (%(default)s)")
    add("--users", type=int, default=2000, metavar="N", help="(%(default)s)")
    add("--rounds", type=int, metavar="N", help="runs of each, of which the median counts (3)")
    add("--quick", action="store_true", help="100000 signals, lengths 100000 to 2000000, 2000 decisions, 1 round")
    add("--json", action="store_true", help="print the report as JSON")
    add("--data", default=tempfile.gettempdir(), metavar="DIR", help="where data is made, and removed (%(default)s)")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    return parser.parse_args(words)


def complete_options(options):
    full = {"signals": 1000000, "lengths": [1000000, 5000000, 20000000], "decisions": 20000, "rounds": 3}
    quick = {"signals": 100000, "lengths": [100000, 500000, 2000000], "decisions": 2000, "rounds": 1}
    complete_sizes(options, full, quick)
    need_at_least_1(options, "signals", "decisions", "candidates", "videos", "users", "rounds")
    if min(options.lengths) < 1:
        give_up("--lengths must be at least 1")
    if options.candidates > options.videos:
        give_up("--candidates must be at most --videos")
    complete_programs(options, "fill", "load", "requests")
    options.signals_program = os.path.join(options.programs, "tests/bench/signals")


def main(words):
    options = parse_options(words)
    complete_options(options)
    report = {key: getattr(options, key) for key in ("decisions", "candidates", "videos", "users", "rounds")}
    with tempfile.TemporaryDirectory(dir=options.data, prefix="replay-") as scratch:
        report["files"] = measure_files(options, scratch)
        report["lengths"] = [measure_length(options, signals) for signals in options.lengths]
        report.update(measure_decisions(options, scratch))
    show(options, report, print_report)
