"""Calls of the reelrank binary that the command line names first, and what they end with."""

import os
import resource
import subprocess
import sys

REELRANK = os.path.abspath(sys.argv[1])
TIMEOUT = 60  # seconds; a watchdog
NOW_MS = 1795305600000
OK, FAILED, USAGE, _, INVALID = range(5)


def call(code, *words, cwd, limit=None):
    """(stdout, stderr) of a command that ends with this code; limit: bytes that a file may have."""
    def restrict():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = [word if isinstance(word, bytes) else str(word) for word in words]
    done = subprocess.run([REELRANK, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=TIMEOUT, preexec_fn=restrict)
    told = done.stderr.decode()
    assert done.returncode == code, (words, done.returncode, told)
    return done.stdout.decode(), told
