#!/bin/bash
# Makes the Debian package: build.sh BINARY VERSION EPOCH OUT. Run where config/ and docs/ are; ./dev package does.
# The same arguments and files give the same bytes.
set -euo pipefail
binary=$1 version=$2 out=$4
export SOURCE_DATE_EPOCH=$3 LC_ALL=C.UTF-8 TZ=UTC DEB_RULES_REQUIRES_ROOT=no
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$work/reelrank
tree=$source/tree
doc=$tree/usr/share/doc/reelrank

# put MODE DIRECTORY FILE...: files may be links to others.
put() {
    install -d "$2"
    install -m "$1" -t "$2" "${@:3}"
}

# The example with what the package decides, each of which must be in it once.
write_configuration() {
    local conf=$tree/etc/reelrank/reelrank.conf
    "$binary" help --example-config |
        sed -e 's|^#data = .*|data = /var/lib/reelrank|' -e 's|^#weights =$|weights = /etc/reelrank/weights.yaml|' >"$conf"
    [ "$(grep -cE '^(data|weights) = /' "$conf")" = 2 ]
}

lay_out() {
    put 755 "$tree/usr/bin" "$binary"
    put 644 "$tree/etc/reelrank" config/weights.yaml
    write_configuration
    put 644 "$tree/usr/share/reelrank" config/weights.schema.json
    ln -s /usr/share/reelrank/weights.schema.json "$tree/etc/reelrank/weights.schema.json"
    put 644 "$tree/usr/share/reelrank/proto/reelrank/v1" proto/reelrank/v1/*.proto
    put 644 "$tree/usr/share/reelrank/observability" config/observability/*
    put 644 "$doc" README.md docs/*.md docs/*.json
    for library in libgrpc-dev libabsl-dev libc-ares-dev libre2-dev; do
        install -m 644 -D "/usr/share/doc/$library/copyright" "$doc/linked/$library"
    done
    put 644 "$doc/examples" config/examples/*.yaml examples/rank.*
    install -d "$tree/usr/share/bash-completion/completions"
    "$binary" help --completion bash >"$tree/usr/share/bash-completion/completions/reelrank"
}

write_changelog() {
    cat >"$source/debian/changelog" <<END
reelrank ($version) unstable; urgency=medium

  * What has changed is in changelog.gz beside this file.

 -- $(sed -n 's/^Maintainer: //p' config/debian/control)  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
}

put 755 "$source/debian" config/debian/rules
put 644 "$source/debian" config/debian/control config/debian/copyright config/debian/reelrank.*
put 644 "$source" CHANGELOG.md
lay_out
write_changelog
"$binary" help --manual "$source/man"
(cd "$source" && debian/rules binary >"$work/log" 2>&1) || {
    cat "$work/log" >&2
    exit 1
}
install -m 644 -D -t "$out" "$work"/*.deb
