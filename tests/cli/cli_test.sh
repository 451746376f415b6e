#!/bin/bash
# Runs cli_test.py on the command it is given.
exec /usr/bin/python3 "$(dirname "$0")/cli_test.py" "$@"
