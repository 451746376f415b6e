"""Runs the cases of one test file: functions marked @case whose names are sentences about behaviour.

Each is given a fresh directory. Prints "ok NAME", "skip NAME" or "FAILED NAME", which ./dev test counts. The words after
the file on the command line: the reelrank binary, and optionally what the names to run must contain.
"""

import faulthandler
import os
import pathlib
import sys
import tempfile
import traceback

cases = []


class Skip(Exception):
    """What a case needs is missing here: its text says what."""


def case(function):
    cases.append(function)
    return function


def passes(function, case_seconds):
    faulthandler.dump_traceback_later(case_seconds, exit=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as path:
        try:
            function(pathlib.Path(path))
            print("ok", function.__name__, flush=True)
            return True
        except Skip as reason:
            print("skip reason: %s\nskip %s" % (reason, function.__name__), flush=True)
            return True
        except Exception:
            traceback.print_exc()
            print("FAILED", function.__name__, flush=True)
            return False
        finally:
            faulthandler.cancel_dump_traceback_later()


def run(case_seconds=120):
    """Runs what is wanted and exits. case_seconds is a watchdog: no case comes near it."""
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    results = [passes(function, case_seconds) for function in cases if wanted in function.__name__]
    sys.stdout.flush()
    os._exit(0 if all(results) else 1)  # threads of a failed case may still run
