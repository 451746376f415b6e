"""What tests have run, room by room: reads the JSON of `llvm-cov export`.

    rooms.py EXPORT.json            prints the table
    rooms.py EXPORT.json --missing  prints what no test ran: file, line, and the line itself

Run from the root of the sources. A room is a first folder, of those that have C in them; files that the build makes, and the tests' own, are left out. Counts
come from a build where threads do not wait for each other to count: what ran is there, how often is about.
"""

import json
import sys

ROOMS = ("proto", "ranker", "store", "server", "replay", "cli")
KINDS = ("lines", "functions", "branches")


def covered(numbers):
    return {"covered": sum(number > 0 for number in numbers), "count": len(numbers)}


def summary(file):
    """Of a file of the export. A CHECK's failing is no branch: it stands in the macro, not in the file."""
    ways = [count for branch in file["branches"] for count in branch[4:6]]
    return {"lines": file["summary"]["lines"], "functions": file["summary"]["functions"], "branches": covered(ways)}


def room_of(name):
    """Of a source's path from the root; None where it is not ours to test."""
    first = name.split("/", 1)[0]
    return first if first in ROOMS else None


def files(export):
    return sorted((file for part in export["data"] for file in part["files"] if room_of(file["filename"])),
                  key=lambda file: file["filename"])


def add(total, more):
    for kind in KINDS:
        for what in ("covered", "count"):
            total[kind][what] += more[kind][what]


def totals(export):
    """Of each room and, last, of all."""
    names = [*ROOMS, "all"]
    found = {name: {kind: {"covered": 0, "count": 0} for kind in KINDS} for name in names}
    for file in files(export):
        for name in (room_of(file["filename"]), "all"):
            add(found[name], summary(file))
    return {name: found[name] for name in names if found[name]["lines"]["count"]}


def cell(part):
    share = 100 * part["covered"] / part["count"] if part["count"] else 100
    return "%6.2f %% of %6d" % (int(share * 100) / 100, part["count"])  # 100 only where it is all


def table(export):
    rows = ["%-8s  %-18s  %-18s  %-18s" % ("room", *KINDS)]
    rows += ["%-8s  " % name + "  ".join("%-18s" % cell(found[kind]) for kind in KINDS)
             for name, found in totals(export).items()]
    return "\n".join(row.rstrip() for row in rows)


def missing_lines(segments):
    """Numbers of the lines with something that could run and never did. A segment: line, column, count, counted, entry, gap."""
    lines = set()
    for segment, following in zip(segments, [*segments[1:], None]):
        line, _, count, counted, _, gap = segment
        if not counted or gap or count > 0:
            continue
        last = line if following is None else following[0] - (following[1] == 1 and following[0] > line)
        lines.update(range(line, last + 1))
    return sorted(lines)


def means_something(text):
    return text.strip() not in ("", "}", "{", "};")


def missing(export):
    rows = []
    for file in files(export):
        with open(file["filename"]) as source:
            text = source.read().splitlines()
        rows += ["%s:%d:%s" % (file["filename"], number, text[number - 1]) for number in missing_lines(file["segments"])
                 if means_something(text[number - 1])]
    return "\n".join(rows)


def main(path, *words):
    with open(path) as source:
        export = json.load(source)
    print(missing(export) if words == ("--missing",) else table(export))


if __name__ == "__main__":
    main(*sys.argv[1:])
