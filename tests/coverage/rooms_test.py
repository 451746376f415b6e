"""The table of what tests run, from an export as `llvm-cov export` writes it, worked out by hand."""

import os

import rooms
from client import equal
from runner import case, run

# Line 2 to its end never ran; 3 did; of 4 one half did not. A segment: line, column, count, counted, entry, gap.
SEGMENTS = [[1, 1, 5, True, True, False], [2, 5, 0, True, True, False], [3, 1, 4, True, False, False],
            [4, 9, 0, True, True, False], [4, 12, 4, True, False, False], [5, 2, 0, False, False, False]]


def file(name, lines, functions, branches=()):
    return {"filename": name, "segments": SEGMENTS, "branches": [[1, 1, 1, 5, *ways, 0, 0, 4] for ways in branches],
            "summary": {"lines": {"count": lines[1], "covered": lines[0]},
                        "functions": {"count": functions[1], "covered": functions[0]}}}


EXPORT = {"data": [{"files": [
    file("store/log.c", (3, 4), (1, 2), [(7, 0), (1, 1)]),
    file("store/log.h", (1, 1), (1, 1)),
    file("server/call.c", (0, 5), (0, 1), [(0, 0)]),
    file("bazel-out/k8-opt/bin/proto/reelrank/v1/log.pb-c.c", (9, 9), (9, 9)),
    file("tests/test.c", (9, 9), (9, 9)),
]}]}


@case
def a_room_has_its_files_and_nothing_that_is_made_or_tests(place):
    found = rooms.totals(EXPORT)
    equal(["store", "server", "all"], list(found))
    equal({"covered": 4, "count": 5}, found["store"]["lines"])
    equal({"covered": 2, "count": 3}, found["store"]["functions"])
    equal({"covered": 4, "count": 10}, found["all"]["lines"])


@case
def each_way_that_a_condition_can_go_is_a_branch(place):
    found = rooms.totals(EXPORT)
    equal({"covered": 3, "count": 4}, found["store"]["branches"])
    equal({"covered": 0, "count": 2}, found["server"]["branches"])


@case
def only_all_of_it_is_a_hundred_percent(place):
    equal(" 99.99 % of  99999", rooms.cell({"covered": 99998, "count": 99999}))
    equal("100.00 % of      2", rooms.cell({"covered": 2, "count": 2}))


@case
def lines_with_a_part_that_never_ran_are_missing(place):
    equal([2, 4], rooms.missing_lines(SEGMENTS))


@case
def what_is_missing_is_told_with_its_line(place):
    os.chdir(place)
    for folder in ("store", "server"):
        os.mkdir(folder)
    for name in ("store/log.c", "store/log.h", "server/call.c"):
        with open(name, "w") as source:
            source.write("if (a) {\n    return b;\n}\nc = a || d;\n}\n")
    equal(["server/call.c:2:    return b;", "server/call.c:4:c = a || d;"], rooms.missing(EXPORT).splitlines()[:2])
    equal(6, len(rooms.missing(EXPORT).splitlines()))


run()
