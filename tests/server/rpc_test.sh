#!/bin/bash
# Debian's own Python has grpcio; another may come first in PATH. libgrpc's one-time allocations are
# reachable at exit, so the leak checker needs no suppressions.
exec /usr/bin/python3 "$1" "$2"
