"""docs/replay.md says what its commands print."""

import os
import re
import subprocess

from client import REELRANK, TIMEOUT
from replay_world import live
from runner import case, run

PAGE = "docs/replay.md"


def sessions(text):
    """(command, lines it prints) of each indented "$ command" of a page."""
    found = []
    inside = False
    for line in text.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
            inside = True
        elif inside and (line.startswith("    ") or not line):
            found[-1][1].append(line[4:])
        else:
            inside = False
    for _, lines in found:
        while lines and not lines[-1]:
            lines.pop()
    return found


def agree(want, got):
    """Whether lines are as wanted, where "..." stands for any."""
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in want)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in got)) is not None


def shell(place, line):
    done = subprocess.run(["bash", "-c", 'reelrank() { "%s" "$@"; }; export -f reelrank; %s' % (REELRANK, line)],
                          cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=TIMEOUT, env=dict(os.environ, LC_ALL="C.UTF-8"))
    return done.stdout.decode().splitlines()


@case
def every_command_of_the_page_prints_what_the_page_says(place):
    with open(PAGE, encoding="utf-8") as file:
        found = sessions(file.read())
    assert len(found) > 10, found
    live(place, 1500, users=240)
    for line, want in found:
        shown = re.fullmatch(r"cat (\S+\.yaml)", line)
        if shown:  # the page is where the file comes from
            (place / shown.group(1)).write_text("\n".join(want) + "\n")
            continue
        got = shell(place, line)
        assert agree(want, got), "$ %s\n%s\n--- the page:\n%s" % (line, "\n".join(got), "\n".join(want))


@case
def a_page_that_says_something_else_is_noticed(_):
    assert agree(["a", "...", "d"], ["a", "b", "c", "d"])
    assert agree(["a", "..."], ["a"])
    assert not agree(["a", "...", "d"], ["a", "b", "e"])
    assert not agree(["a"], ["a", "b"])
    assert sessions("x\n    $ one\n    out\n\n    more\n\ny\n    code\n    $ two\n") == [
        ("one", ["out", "", "more"]), ("two", [])]


run()
