"""The Debian package as config/debian/build.sh makes it: its files, its unit, its configuration.

What it does when it is installed, upgraded and removed: ./dev package --check.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from client import REELRANK, TIMEOUT, command, equal
from runner import Skip, case, run

VERSION = "0.1.0~test-1"
EPOCH = "1700000000"
built = None


def call(*words, **options):
    done = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, (words, done.stdout.decode())
    return done.stdout.decode()


def build(out, **environment):
    if not shutil.which("dh"):
        raise Skip("no debhelper")
    call("config/debian/build.sh", REELRANK, VERSION, EPOCH, out, env={**os.environ, **environment})
    return out / ("reelrank_%s_amd64.deb" % VERSION)


def package():
    """The package, made once for all cases."""
    global built
    if built is None:
        place = pathlib.Path(os.environ["TEST_TMPDIR"]) / "package"
        built = build(place)
        call("dpkg-deb", "-R", built, place / "tree")
    return built


def tree():
    return package().parent / "tree"


@case
def the_same_sources_give_the_same_bytes(place):
    umask = os.umask(0o077)
    try:
        again = build(place / "again", TZ="Asia/Kolkata", LC_ALL="C", TMPDIR=str(place))
    finally:
        os.umask(umask)
    for first in package().parent.glob("*.deb"):
        assert first.read_bytes() == (again.parent / first.name).read_bytes(), first.name


@case
def files_are_where_debian_has_them(place):
    listed = call("dpkg-deb", "-c", package())
    for mode, name in [("-rwxr-xr-x", "./usr/bin/reelrank"), ("-rw-r--r--", "./etc/reelrank/reelrank.conf"),
                       ("-rw-r--r--", "./etc/reelrank/weights.yaml"), ("-rw-r--r--", "./lib/systemd/system/reelrank.service"),
                       ("-rw-r--r--", "./usr/share/man/man1/reelrank-serve.1.gz"),
                       ("-rw-r--r--", "./usr/share/man/man5/reelrank.conf.5.gz"),
                       ("-rw-r--r--", "./usr/share/bash-completion/completions/reelrank"),
                       ("-rw-r--r--", "./usr/share/reelrank/weights.schema.json"),
                       ("-rw-r--r--", "./usr/share/reelrank/proto/reelrank/v1/ranking.proto"),
                       ("-rw-r--r--", "./usr/share/reelrank/observability/alerts.yml"),
                       ("-rw-r--r--", "./usr/share/doc/reelrank/operations.md"),
                       ("-rw-r--r--", "./usr/share/doc/reelrank/linked/libgrpc-dev")]:
        assert re.search(r"^%s root/root .* %s$" % (mode, re.escape(name)), listed, re.M), (mode, name)
    equal([], [line for line in listed.splitlines() if "root/root" not in line])
    assert "/var/" not in listed, "the script of the maintainer makes the place of data"
    equal("/etc/reelrank/reelrank.conf\n/etc/reelrank/weights.yaml\n", (tree() / "DEBIAN/conffiles").read_text())


@case
def every_library_that_is_loaded_is_depended_on_with_its_version(place):
    depends = call("dpkg-deb", "-f", package(), "Depends").strip().split(", ")
    for needed in re.findall(r"Shared library: \[(.*)\]", call("readelf", "-d", tree() / "usr/bin/reelrank")):
        path = re.search(r"%s \(libc6,x86-64.*\) => (\S+)" % re.escape(needed), call("/sbin/ldconfig", "-p")).group(1)
        # Packages name files in /lib or in /usr/lib, which are one.
        owner = call("dpkg-query", "-S", "*" + os.path.realpath(path).removeprefix("/usr")).split(":")[0]
        assert any(re.fullmatch(r"%s \(>= .+\)" % re.escape(owner), depend) for depend in depends), (needed, owner, depends)
    assert "adduser" in depends, depends


@case
def the_weights_are_those_built_in(place):
    equal(pathlib.Path("config/weights.yaml").read_bytes(), (tree() / "etc/reelrank/weights.yaml").read_bytes())


@case
def the_configuration_has_every_option_and_a_server_takes_it(place):
    conf = tree() / "etc/reelrank/reelrank.conf"
    equal(["data = /var/lib/reelrank", "weights = /etc/reelrank/weights.yaml"],
          [line for line in conf.read_text().splitlines() if line and not line.startswith("#")])
    process = subprocess.Popen([REELRANK, "serve", "--config", conf, "--listen", "127.0.0.1:0", "--data", place / "data",
                                "--weights", tree() / "etc/reelrank/weights.yaml"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    first = process.stdout.readline().decode()
    process.send_signal(signal.SIGTERM)
    log = process.communicate(timeout=TIMEOUT)[1].decode()
    assert first.startswith("listening on ") and process.returncode == 0, log


@case
def scripts_of_the_maintainer_are_sound(place):
    for name in ["postinst", "prerm", "postrm"]:
        script = tree() / "DEBIAN" / name
        call("sh", "-n", script)
        assert script.read_text().startswith("#!/bin/sh\n") and "set -e" in script.read_text()
    assert "deb-systemd-invoke" in (tree() / "DEBIAN/postinst").read_text()


def unit():
    """The lines of the unit's sections, by key."""
    text = (tree() / "lib/systemd/system/reelrank.service").read_text()
    rows = re.findall(r"^(\w+)=(.*)$", text, re.M)
    return {key: [value for name, value in rows if name == key] for key, _ in rows}


@case
def the_unit_starts_what_the_package_installs(place):
    [start] = unit()["ExecStart"]
    equal(["/usr/bin/reelrank", "serve", "--config", "/etc/reelrank/reelrank.conf"], start.split())
    equal(["/var/lib/" + name for name in unit()["StateDirectory"]],
          re.findall(r"^data = (.*)$", (tree() / "etc/reelrank/reelrank.conf").read_text(), re.M))
    equal(["reelrank"], unit()["User"])
    assert "adduser --system --group --quiet --home /var/lib/reelrank" in (tree() / "DEBIAN/postinst").read_text()


@case
def the_unit_gives_a_stop_the_time_to_drain(place):
    drain_ms = re.search(r"^#drain-ms = (\d+)$", (tree() / "etc/reelrank/reelrank.conf").read_text(), re.M).group(1)
    assert int(unit()["TimeoutStopSec"][0]) * 1000 > int(drain_ms)
    equal(["notify"], unit()["Type"])


@case
def systemd_finds_nothing_wrong_with_the_unit(place):
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze")
    text = (tree() / "lib/systemd/system/reelrank.service").read_text()
    (place / "reelrank.service").write_text(text.replace("/usr/bin/reelrank", REELRANK))
    equal("", call("systemd-analyze", "verify", "--man=no", place / "reelrank.service"))


@case
def the_unit_is_well_confined(place):
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze")
    told = call("systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", "--root=%s" % tree(),
                "reelrank.service")
    assert re.search(r"Overall exposure level for reelrank.service: [01]\.\d OK", told), told


@case
def lintian_finds_no_error_and_no_warning(place):
    package()
    if not shutil.which("lintian"):
        raise Skip("no lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on=error,warning", str(package())], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "HOME": str(place), "TMPDIR": str(place)})
    assert done.returncode == 0, done.stdout.decode()


@case
def the_completion_is_that_of_the_command(place):
    path = tree() / "usr/share/bash-completion/completions/reelrank"
    equal(command(0, "help", "--completion", "bash")[0], path.read_text())
    call("bash", "-n", path)


run(case_seconds=600)
