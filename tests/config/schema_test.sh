#!/bin/bash
# Runs schema_test.py on the command it is given.
exec /usr/bin/python3 "$(dirname "$0")/schema_test.py" "$@"
