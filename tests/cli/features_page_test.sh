#!/bin/bash
# docs/features.md is what the command prints; "reelrank features --markdown > docs/features.md" renews it.
set -euo pipefail
diff "$2" <("$1" features --markdown)
