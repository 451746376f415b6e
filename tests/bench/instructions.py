"""Instructions of the operations a server spends its time on, counted by callgrind.

Unlike time they are the same in every run, so a slow-down of a few per cent shows on any machine.
"""

import json
import os
import re
import subprocess

from harness import give_up, run_json

# Small, so that all of it takes seconds; what is counted does not depend on what is in cache.
VIDEOS = 20000
USERS = 2000
CANDIDATES = 500
OPERATIONS = 10
# Few, so that they are in memory after a few batches.
FEED_VIDEOS = 1000
FEED_USERS = 200

BOUND = 0.15  # more instructions than kept, at most
SLACK = 0.25  # fewer than kept, at most: then the bound has become too loose to catch anything
KEPT_FUNCTIONS = 40
SHOWN_FUNCTIONS = 10
FUNCTION_NAME_MAX = 60
KEPT_FILE = "tests/bench/instructions.json"

OPERATION_TEXTS = {
    "rank_ids": "Rank, string ids, packed answer",
    "rank_keys": "Rank, numeric ids, packed answer",
    "rank_slate": "Rank, string ids, slate of messages",
    "signals_256": "RecordSignals, 256 signals",
}
POOLS = {
    "ids": ("ids", "packed"),
    "keys": ("keys", "packed"),
    "slates": ("ids", "slate"),
}


def prepare(programs, folder):
    """Fills folder/data and writes folder/NAME.pool; returns the words for operations."""
    data = os.path.join(folder, "data")
    sizes = ["--videos", str(VIDEOS), "--users", str(USERS)]
    run_json([programs["fill"], "--data", data, *sizes])
    words = ["--data", data, "--batches", str(OPERATIONS)]
    words += ["--videos", str(FEED_VIDEOS), "--users", str(FEED_USERS)]
    for name, (form, answer) in POOLS.items():
        pool = os.path.join(folder, name + ".pool")
        subprocess.run(
            [programs["requests"], "--output", pool, "--form", form, "--answer", answer, *sizes]
            + ["--draw", "hot", "--candidates", str(CANDIDATES), "--bodies", str(OPERATIONS)],
            check=True,
        )
        words += ["--" + name, pool]
    return words


def is_instrumented(program):
    """For a sanitizer or for coverage."""
    with open(program, "rb") as file:
        found = file.read()
    return any(word in found for word in (b"__asan_init", b"__tsan_init", b"__llvm_profile_"))


def count(programs, weights, folder):
    """{operation: path of its profile}, of OPERATIONS calls each; None of an instrumented program."""
    if is_instrumented(programs["operations"]):
        return None
    words = [*prepare(programs, folder), "--weights", weights]
    profile = os.path.join(folder, "profile")
    result = run_json(
        ["valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no"]
        + ["--toggle-collect=measure", "--dump-after=measure", f"--callgrind-out-file={profile}"]
        + [programs["operations"], *words]
    )
    if any(found["calls"] != OPERATIONS for found in result["cases"]):
        give_up(f"operations made {result['cases']} instead of {OPERATIONS} calls of each kind")
    return {found["name"]: f"{profile}.{i + 1}" for i, found in enumerate(result["cases"])}


def total(profile):
    """Instructions of all that was counted."""
    with open(profile) as file:
        for line in file:
            if line.startswith("totals: "):
                return int(line.split()[1])
    give_up(f"{profile} has no totals")


# --- functions ----------------------------------------------------------------------------------

ANNOTATED = re.compile(r"^ *([\d,]+) +(?:\([ \d.]+%\) +)?([^: ]+):(.+?)(?: \[(.+)\])?$")
RECURSION = re.compile(r"'\d+$")  # callgrind's mark of a function that calls itself
OWN_ROOMS = ("ranker", "store", "server", "proto", "replay", "cli", "tests")
LIBRARIES = {"libprotobuf-c": "protobuf-c", "liblmdb": "LMDB", "libc.so": "libc"}
LIBRARIES.update({"libstdc++": "gRPC", "ld-linux": "libc", "libm.so": "libc"})
STATIC_GRPC = ("reelrank", "null_server")  # programs whose code without debug information is gRPC's


def own_path(path):
    """Of a file of this repository as callgrind names it, else None."""
    path = path.removeprefix("/proc/self/cwd/").removeprefix("./")
    path = re.sub(r"^bazel-out/[^/]+/bin/", "", path)
    return path if path.split("/")[0] in OWN_ROOMS else None


def room_of(path, function, library, homes):
    own = own_path(path)
    if own is not None:
        return own.split("/")[0]
    if path == "/usr/include/xxhash.h" or function.startswith("XXH"):
        return "xxHash"
    for name, room in LIBRARIES.items():
        if name in (library or ""):
            return room
    if path == "???" and os.path.basename(library or "") in STATIC_GRPC:
        return "gRPC"
    if path.startswith("/usr/") and function in homes:  # a header's code, within a function of ours
        return homes[function]
    return "libc" if path.startswith("./") or "sysdeps" in path else "others"


def place_of(path, library, room):
    if room == "libc":
        return "libc"
    if path == "???" and library:
        return os.path.basename(library).split(".so")[0]
    return own_path(path) or path


def leave_out_calls_before(profile):
    """
    A copy without the calls that were under way when counting began (0 calls, and a line with what
    they cost), which callgrind_annotate would take for costs of the caller's own.
    """
    path = profile + ".within"
    with open(profile) as file, open(path, "w") as copy:
        for line in file:
            if line.startswith("calls=0 "):
                next(file)
            else:
                copy.write(line)
    return path


def functions(profile, inclusive=False):
    """{"FILE:FUNCTION": (instructions, room)} of a profile."""
    profile = leave_out_calls_before(profile)
    done = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--threshold=100", "--show-percs=no"]
        + [f"--inclusive={'yes' if inclusive else 'no'}", profile],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        give_up(f"callgrind_annotate failed: {done.stderr.strip()}")
    lines = [match.groups() for match in map(ANNOTATED.match, done.stdout.splitlines()) if match]
    homes = {}
    for _, path, function, _ in lines:
        if own_path(path) is not None:
            homes[function] = own_path(path).split("/")[0]
    found = {}
    for number, path, function, library in lines:
        room = room_of(path, function, library, homes)
        function = re.sub(RECURSION, "", function)[:FUNCTION_NAME_MAX]  # those of C++ have no end
        name = f"{place_of(path, library, room)}:{function}"
        instructions = int(number.replace(",", ""))
        before = found.get(name, (0, room))[0]
        # What a function calls itself for is within what it costs with what it calls.
        found[name] = (max(before, instructions) if inclusive else before + instructions, room)
    return found


def per_operation(profile):
    """What instructions.json keeps of an operation."""
    found = {name: found // OPERATIONS for name, (found, _) in functions(profile).items()}
    largest = sorted(found.items(), key=lambda item: -item[1])[:KEPT_FUNCTIONS]
    return {"instructions": total(profile) // OPERATIONS, "functions": dict(largest)}


def growth(kept, found):
    """[(name, before, after)] of functions that grew, the most first."""
    grown = [(name, kept.get(name, 0), after) for name, after in found.items()]
    return sorted((row for row in grown if row[2] > row[1]), key=lambda row: row[1] - row[2])


def describe_growth(kept, found):
    lines = []
    for name, before, after in growth(kept, found)[:SHOWN_FUNCTIONS]:
        was = f"was {before:,}" if before > 0 else f"not among the {KEPT_FUNCTIONS} largest"
        lines.append(f"  {after - before:+10,}  {name} ({was})")
    return "\n".join(lines)


def complaint(name, kept, instructions, find_functions):
    """What is wrong with an operation's count beside what is kept of it; None: nothing."""
    share = instructions / kept["instructions"] - 1
    if -SLACK <= share <= BOUND:
        return None
    beside = f"{abs(share):.1%} {'more' if share > 0 else 'fewer'} than the"
    text = f"{name}: {instructions:,} instructions a call, {beside} {kept['instructions']:,} kept"
    update = "./dev bench profile --update keeps the new counts in " + KEPT_FILE
    if share > 0:
        grown = describe_growth(kept["functions"], find_functions())
        text += f"; {BOUND:.0%} are allowed.\nWhat grew most:\n{grown}"
        return f"{text}\nIf it must be: {update}"
    return f"{text}, which has become too loose a bound.\n{update}"


# --- files --------------------------------------------------------------------------------------


def read_kept(path):
    with open(path) as file:
        return json.load(file)


def write_kept(path, profiles):
    kept = {name: per_operation(profile) for name, profile in profiles.items()}
    with open(path, "w") as file:
        json.dump(kept, file, indent=1)
        file.write("\n")
