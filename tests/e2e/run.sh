#!/bin/bash
# Runs a Python test: run.sh FILE WORD... Debian's own Python has grpcio; another may come first in PATH.
PYTHONPATH="tests/e2e:$(dirname "$1")" exec /usr/bin/python3 -B -P "$@"
