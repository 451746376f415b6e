"""Where the instructions of a server's operations go, by room and function."""

import os
import shutil
import subprocess
import tempfile

import instructions
from harness import (
    Server,
    complete_programs,
    give_up,
    make_parser,
    processors,
    run_json,
    say,
    show,
)

EPILOG = """\
examples:
  ./dev bench profile                     four operations: counts, rooms, functions
  ./dev bench profile --functions 30      more of them
  ./dev bench profile --server            a whole server under load, gRPC and all, beside a null RPC
  ./dev bench profile --markdown          tables for a page
  ./dev bench profile --update            keep the counts for //tests/bench:instructions_test

Valgrind's callgrind counts instructions; they are the same in every run, however busy the machine
is, but they are not time: waiting for memory is none of them, nor is the kernel's work. Each
operation runs in process, from the request's bytes to the answer's; with --server calls come over
the network, so gRPC is in it, and counts differ a little between runs. Needs the package valgrind.
"""

WEIGHTS = "config/weights.yaml"
SERVER_REQUESTS = 200
PROGRAMS = ("operations", "fill", "requests", "load", "null_server")
SERVER_TEXTS = {
    "server": "Rank, string ids, the whole server",
    "null": "null RPC with the same bytes",
}
TEXTS = {**instructions.OPERATION_TEXTS, **SERVER_TEXTS}


def by_room(functions):
    rooms = {}
    for instructions_, room in functions.values():
        rooms[room] = rooms.get(room, 0) + instructions_
    return dict(sorted(rooms.items(), key=lambda item: -item[1]))


def largest(functions, calls, count):
    ordered = sorted(functions.items(), key=lambda item: -item[1][0])
    return [
        {"function": name, "room": room, "instructions": found // calls}
        for name, (found, room) in ordered[:count]
    ]


def within(profile):
    """Inclusive costs without what calls the operation."""
    found = instructions.functions(profile, inclusive=True)
    return {
        name: row for name, row in found.items() if row[1] not in ("tests", "libc", "others", "cli")
    }


def describe(profile, calls, count):
    functions = instructions.functions(profile)
    return {
        "instructions": instructions.total(profile) // calls,
        "rooms": {room: found // calls for room, found in by_room(functions).items()},
        "exclusive": largest(functions, calls, count),
        "inclusive": largest(within(profile), calls, count),
    }


# --- a whole server -----------------------------------------------------------------------------


def send(programs, port, pool):
    """Few calls at a time, as the server is fifty times as slow as else."""
    words = ["--requests", SERVER_REQUESTS, "--connections", 1, "--streams", 2]
    result = run_json([programs["load"], "--port", port, "--pool", pool, *words], processors()[1])
    if result["failures"] > 0:
        give_up(f"{result['failures']} calls failed")
    return result


def control(server, word):
    subprocess.run(
        ["callgrind_control", word, str(server.process.pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def count_server(command, worker, programs, folder, name):
    """
    (profile of SERVER_REQUESTS calls to a server, after as many before; bytes of an answer). Counts
    in the function worker alone: other threads have work that comes at times of its own.
    """
    profile = os.path.join(folder, name)
    pool = os.path.join(folder, "ids.pool")
    callgrind = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={profile}"]
    callgrind += ["--collect-atstart=no", f"--toggle-collect={worker}"]
    server = Server(callgrind + command, processors()[0], profile + ".log")
    try:
        send(programs, server.port, pool)
        control(server, "--zero")
        result = send(programs, server.port, pool)
        control(server, "--dump")
    finally:
        server.stop()
    return profile + ".1", result["most_bytes"] - 5


def count_servers(options, programs, folder):
    instructions.prepare(programs, folder)
    say(options, "a server under callgrind")
    command = [options.reelrank, "serve", "--listen", "127.0.0.1:0", "--workers", "1"]
    command += ["--data", os.path.join(folder, "data"), "--weights", WEIGHTS]
    command += ["--queue-delay-ms", "0"]  # else a server that is fifty times as slow refuses some
    ranked, size = count_server(command, "worker_run", programs, folder, "server")
    say(options, "a null server")
    command = [programs["null_server"], "--response-bytes", str(size)]
    null, _ = count_server(command, "work", programs, folder, "null")
    return {"server": ranked, "null": null}


def share(part, row):
    return f"{part / row['instructions']:.1%}"


def print_functions(title, functions, row):
    print(f"\n  {title}")
    for item in functions:
        found = item["instructions"]
        print(f"{found:12,} {share(found, row):>6}  {item['function']}")


def print_report(report):
    for name, row in report.items():
        print(f"{TEXTS[name]}: {row['instructions']:,} instructions\n")
        print("  by room")
        for room, found in row["rooms"].items():
            print(f"{found:12,} {share(found, row):>6}  {room}")
        print_functions("functions, with what they call", row["inclusive"], row)
        print_functions("functions alone", row["exclusive"], row)
        print()


def print_markdown_table(heads, rows):
    print("| " + " | ".join(heads) + " |")
    print("| " + " | ".join("---" for _ in heads) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def print_markdown(report):
    names = list(report)
    heads = ["room"] + [TEXTS[name] for name in names]
    rooms = {room: None for row in report.values() for room in row["rooms"]}
    rows = []
    for room in rooms:
        rows.append([room] + [f"{report[name]['rooms'].get(room, 0):,}" for name in names])
    rows.append(["all"] + [f"**{report[name]['instructions']:,}**" for name in names])
    print_markdown_table(heads, rows)
    for name in names:
        row = report[name]
        print(f"{TEXTS[name]}:\n")
        pairs = zip(row["inclusive"], row["exclusive"])
        cells = [
            [cell for item in pair
             for cell in (f"`{item['function']}`", share(item["instructions"], row))]
            for pair in pairs
        ]
        print_markdown_table(["with what it calls", "", "alone", ""], cells)


def parse_options(arguments):
    parser = make_parser("./dev bench profile", __doc__, EPILOG)
    add = parser.add_argument
    add("--functions", type=int, default=15, metavar="N", help="how many to show (15)")
    add("--server", action="store_true", help="a whole server instead of operations in process")
    add("--markdown", action="store_true", help="print tables for a page")
    add("--json", action="store_true", help="print the report as JSON")
    add("--update", action="store_true", help=f"write {instructions.KEPT_FILE}")
    add("--programs", default="bazel-bin", metavar="DIR", help="built programs (%(default)s)")
    return parser.parse_args(arguments)


def count_operations(options, programs, folder):
    say(options, "operations under callgrind")
    profiles = instructions.count(programs, WEIGHTS, folder)
    if profiles is None:
        give_up("the programs are built with a sanitizer, whose instructions would be counted")
    if options.update:
        instructions.write_kept(instructions.KEPT_FILE, profiles)
    return profiles


def main(arguments):
    options = parse_options(arguments)
    if shutil.which("valgrind") is None:
        give_up("valgrind is not installed; apt-get install valgrind")
    complete_programs(options, *PROGRAMS)
    programs = {name: os.path.abspath(getattr(options, name)) for name in PROGRAMS}
    count = count_servers if options.server else count_operations
    calls = SERVER_REQUESTS if options.server else instructions.OPERATIONS
    with tempfile.TemporaryDirectory() as folder:
        profiles = count(options, programs, folder)
        report = {
            name: describe(profile, calls, options.functions) for name, profile in profiles.items()
        }
    show(options, report, print_markdown if options.markdown else print_report)
