"""Counts of a server's calls of malloc for each request, by who asks: the project, or gRPC."""

import os
import struct
import subprocess

from harness import give_up

FILE_VARIABLE = "ALLOCATIONS_FILE"
OWN_ROOMS = ("ranker/", "store/", "server/", "proto/", "cli/", "replay/", "tests/")
# In the servers that are measured, whatever is written in C++ belongs to gRPC, and so does OpenSSL.
GRPC_LIBRARIES = ("libstdc++", "libssl", "libcrypto")


def environment(library, path):
    """For a server's process, which then counts into path."""
    return {**os.environ, "LD_PRELOAD": os.path.abspath(library), FILE_VARIABLE: path}


def read(path):
    """{return address: count} so far."""
    with open(path, "rb") as file:
        entries = list(struct.iter_unpack("<QQ", file.read()))
    return {address: count for address, count in entries if address != 0}


def difference(before, after):
    counts = {address: count - before.get(address, 0) for address, count in after.items()}
    return {address: count for address, count in counts.items() if count > 0}


def read_maps(pid):
    """[(first address, last, offset in the file, path)] of a process's code."""
    maps = []
    with open(f"/proc/{pid}/maps") as file:
        for line in file:
            words = line.split(maxsplit=5)
            if len(words) == 6 and "x" in words[1]:
                first, last = (int(word, 16) for word in words[0].split("-"))
                maps.append((first, last, int(words[2], 16), words[5].strip()))
    return maps


def load_bias(path, offset):
    """What to add to an offset in a file to have the address its symbols are at."""
    headers = subprocess.run(
        ["readelf", "-lW", path], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    for line in headers.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"] and int(words[1], 16) == offset:
            return int(words[2], 16) - offset
    return 0


def locate(path, addresses):
    """{address: (function, source file)}; "??" where there is no debug information."""
    words = ["addr2line", "-f", "-C", "-e", path] + [hex(address) for address in addresses]
    lines = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return {
        address: (lines[2 * i], lines[2 * i + 1].removeprefix("/proc/self/cwd/").removeprefix("./"))
        for i, address in enumerate(addresses)
    }


def owner(library, source):
    if source.startswith(OWN_ROOMS):
        return "own"
    name = os.path.basename(library)
    is_program = ".so" not in name
    return "grpc" if is_program or name.startswith(GRPC_LIBRARIES) else "own"


def places(pid, counts):
    """[(count, owner, function, place)] of all that asked for memory, the most first."""
    maps = read_maps(pid)
    found = []
    by_library = {}
    for address, count in counts.items():
        for first, last, offset, path in maps:
            if first <= address < last:
                # One less: the call, and not what comes after it.
                at = address - 1 - first + offset + load_bias(path, offset)
                by_library.setdefault(path, {})[at] = count
                break
        else:
            give_up(f"no code is at {address:#x}, which asked for memory")
    for path, at_counts in by_library.items():
        for at, (function, source) in locate(path, list(at_counts)).items():
            place = source if not source.startswith("??") else os.path.basename(path)
            found.append((at_counts[at], owner(path, source), function, place))
    return sorted(found, reverse=True)


def per_request(pid, counts, requests):
    """Of each owner, and the project's own places by name."""
    found = places(pid, counts)
    totals = {name: sum(row[0] for row in found if row[1] == name) for name in ("own", "grpc")}
    return {
        **{name: total / requests for name, total in totals.items()},
        "places": [
            {"function": function, "place": place, "per_request": count / requests}
            for count, name, function, place in found
            if name == "own"
        ],
    }
