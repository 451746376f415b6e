"""Pages that say what commands print, as indented lines that begin with "$ "."""

import os
import re
import subprocess

from client import REELRANK, TIMEOUT


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


def line_pattern(line):
    return r"(?:.*\n)*" if line == "..." else re.escape(line).replace("…", ".*") + r"\n"


def agree(want, got):
    """Whether lines are as wanted, where "..." stands for any of them, and "…" within a line for anything."""
    return re.fullmatch("".join(map(line_pattern, want)), "".join(line.rstrip() + "\n" for line in got)) is not None


def shell(place, line, **variables):
    done = subprocess.run(["bash", "-c", 'reelrank() { "%s" "$@"; }; export -f reelrank; %s' % (REELRANK, line)],
                          cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=TIMEOUT, env=dict(os.environ, LC_ALL="C.UTF-8", **variables))
    return done.stdout.decode().splitlines()


def check(place, page, at_least, **variables):
    """Runs every command of a page in turn, in one place, and compares."""
    with open(page, encoding="utf-8") as file:
        found = sessions(file.read())
    assert len(found) >= at_least, found
    for line, want in found:
        shown = re.fullmatch(r"cat (\S+\.yaml)", line)
        if shown:  # the page is where the file comes from
            (place / shown.group(1)).write_text("\n".join(want) + "\n")
            continue
        got = shell(place, line, **variables)
        assert agree(want, got), "$ %s\n%s\n--- the page:\n%s" % (line, "\n".join(got), "\n".join(want))
