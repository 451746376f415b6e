#!/bin/bash
# Every file given must be empty: each holds a path between rooms that must not exist.
failed=0
for file in "$@"; do
    if [ -s "$file" ]; then
        echo "FAILED $(basename "$file"):" >&2
        cat "$file" >&2
        failed=1
    else
        echo "ok $(basename "$file")"
    fi
done
exit $failed
