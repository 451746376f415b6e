"""Operations cost about the instructions that tests/bench/instructions.json says."""

import functools
import os
import shutil
import sys
import tempfile

import instructions
from client import equal
from runner import Skip, case, run

NAMES = ("operations", "fill", "requests")
PROGRAMS = {name: os.path.abspath(sys.argv.pop(2)) for name in NAMES}


def need_callgrind():
    for program in ("valgrind", "callgrind_annotate"):
        if shutil.which(program) is None:
            raise Skip(program + " is not installed; apt-get install valgrind")
    with open("/proc/cpuinfo") as file:
        if " avx2" not in file.read():
            raise Skip("the counts are of a processor with AVX2, which this one has not")


@functools.lru_cache(maxsize=None)
def profiles():
    place = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
    return instructions.count(PROGRAMS, "config/weights.yaml", place)


def check(name):
    need_callgrind()
    if profiles() is None:
        raise Skip("instructions of a sanitizer or of coverage would be counted")
    profile = profiles()[name]
    found = instructions.total(profile) // instructions.OPERATIONS
    print(f"{name}: {found:,} instructions a call")
    kept = instructions.read_kept(instructions.KEPT_FILE)[name]
    wrong = instructions.complaint(
        name, kept, found, lambda: instructions.per_operation(profile)["functions"])
    if wrong is not None:
        raise AssertionError(wrong)


@case
def ranking_500_string_ids_costs_the_instructions_it_did(place):
    check("rank_ids")


@case
def ranking_500_numeric_ids_costs_the_instructions_it_did(place):
    check("rank_keys")


@case
def a_slate_of_500_messages_costs_the_instructions_it_did(place):
    check("rank_slate")


@case
def recording_256_signals_costs_the_instructions_it_did(place):
    check("signals_256")


KEPT = {"instructions": 1000, "functions": {"a.c:grows": 300, "b.c:shrinks": 200, "c.c:stays": 500}}


def complain(found, functions=()):
    return instructions.complaint("rank", KEPT, found, lambda: dict(functions))


@case
def counts_within_the_bounds_are_no_complaint(place):
    for found in (750, 1000, 1150):
        equal(None, complain(found))


@case
def growth_is_told_with_the_functions_that_grew_and_what_to_do(place):
    found = {"a.c:grows": 450, "b.c:shrinks": 100, "c.c:stays": 500, "d.c:new": 110}
    lines = complain(1160, found.items()).splitlines()
    equal("rank: 1,160 instructions a call, 16.0% more than the 1,000 kept; 15% are allowed.",
          lines[0])
    equal(["        +150  a.c:grows (was 300)", "        +110  d.c:new (not among the 40 largest)"],
          lines[2:4])
    equal(True, "./dev bench profile --update" in lines[4])


@case
def a_bound_that_has_become_loose_is_told(place):
    equal(True, "25.1% fewer than the 1,000 kept" in complain(749))


run()
