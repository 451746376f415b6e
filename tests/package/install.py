"""Installs the Debian package in a clean Debian root and does to it what an operator does: ./dev package --check.

usage: install.py DEB [--root DIR] [--mirror URL] [--without-systemd]

The root is made by debootstrap, or copied from DIR, which is made if it is missing and stays. Dependencies come from the mirror. systemd
runs in it, under systemd-nspawn with a network of its own; --without-systemd, for machines where that cannot be, starts the server by hand
as the unit says, and skips what systemd does. Prints "ok STEP" for each step; the first that fails ends it. Needs root.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DEBIAN = "bookworm"
WAIT_S = 120  # a watchdog
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
CONF = "etc/reelrank/reelrank.conf"
DATA = "/var/lib/reelrank"


def host(*words):
    subprocess.run(list(map(str, words)), check=True, stdin=subprocess.DEVNULL)


def eventually(what, condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "never came true: " + what
        time.sleep(0.1)


def mirror_of_this_machine():
    """Of Debian itself: other sources have no release of that name."""
    for path in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]:
        text = path.read_text() if path.exists() else ""
        line = re.search(r"^deb +(?:\[.*?\] +)?(\S+) +%s +main" % DEBIAN, text, re.M)
        if line:
            return line.group(1)
        for part in text.split("\n\n"):
            if re.search(r"^Suites:.*\b%s( |$)" % DEBIAN, part, re.M):
                return re.search(r"^URIs: +(\S+)", part, re.M).group(1)
    return None  # debootstrap has one of its own


def make_base(path, mirror):
    """A Debian with systemd, and this machine's way to the mirror."""
    host("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,ca-certificates", DEBIAN, path,
         *([mirror] if mirror else []))
    shutil.copytree("/etc/apt/apt.conf.d", path / "etc/apt/apt.conf.d", dirs_exist_ok=True)
    for name in ["etc/resolv.conf", "etc/hosts"]:
        shutil.copy("/" + name, path / name)


class Root:
    """A Debian root in which commands run. This one has no init: the server is started as its unit says."""

    def __init__(self, path):
        self.path = path
        self.server = None
        host("mount", "-t", "proc", "proc", path / "proc")

    def prefix(self):
        return ["chroot", str(self.path)]

    def call(self, *words, code=0, **environment):
        done = subprocess.run([*self.prefix(), "env", "-i", *("%s=%s" % row for row in {**ENVIRONMENT, **environment}.items()), *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out = done.stdout.decode(errors="replace")
        assert done.returncode == code, "%s: code %d\n%s" % (" ".join(words), done.returncode, out)
        return out

    def release(self):
        if self.server is not None:
            self.server.kill()
            self.server.wait()
        host("umount", self.path / "proc")

    def unit(self, key):
        return re.search(r"^%s=(.*)$" % key, (self.path / "lib/systemd/system/reelrank.service").read_text(), re.M).group(1)

    def start(self):
        words = [*self.prefix(), "setpriv", "--reuid", self.unit("User"), "--regid", self.unit("Group"), "--init-groups",
                 "--no-new-privs", *self.unit("ExecStart").split()]
        self.server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd="/")
        line = self.server.stdout.readline().decode()
        assert line.startswith("listening on "), line

    def stop(self):
        """By SIGTERM, which must end it with code 0."""
        self.server.terminate()
        assert self.server.wait(WAIT_S) == 0, "exit code %d" % self.server.returncode
        self.server = None

    def before_change(self):
        """What systemd does when a package is upgraded or removed."""
        self.stop()

    def after_change(self):
        self.start()


class Booted(Root):
    """One in which systemd runs."""

    def __init__(self, path):
        self.path = path
        self.log = open(path.parent / "boot.log", "wb")
        self.machine = subprocess.Popen(["systemd-nspawn", "--quiet", "--directory", str(path), "--register=no", "--keep-unit",
                                         "--private-network", "--boot"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        eventually("systemd runs in the root", self.is_up)

    def init(self):
        return pathlib.Path("/proc/%d/task/%d/children" % (self.machine.pid, self.machine.pid)).read_text().split()

    def is_up(self):
        assert self.machine.poll() is None, "systemd-nspawn cannot run here (--without-systemd goes without it): %s" % self.boot_log()
        if not self.init():
            return False
        done = subprocess.run([*self.prefix(), "systemctl", "is-system-running"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return done.stdout.strip() in (b"running", b"degraded")

    def boot_log(self):
        return (self.path.parent / "boot.log").read_text(errors="replace")[-2000:]

    def prefix(self):
        return ["nsenter", "--target", self.init()[0], "--all", "--root", "--wd"]

    def release(self):
        if self.init():
            os.kill(int(self.init()[0]), signal.SIGRTMIN + 4)  # systemd's poweroff
        try:
            self.machine.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.machine.kill()
            self.machine.wait()

    def show(self, key):
        return self.call("systemctl", "show", "--value", "--property", key, "reelrank.service").strip()

    def start(self):
        self.call("systemctl", "start", "reelrank")

    def stop(self):
        self.call("systemctl", "stop", "reelrank")
        assert (self.show("Result"), self.show("ExecMainStatus")) == ("success", "0"), self.call("systemctl", "status", "reelrank", code=3)

    def before_change(self):
        self.pid = self.show("MainPID")

    def after_change(self):
        """The package's scripts have restarted it."""
        assert self.show("ActiveState") == "active" and self.show("MainPID") not in ("0", self.pid)


def newer_version(deb, out):
    """The same package with a greater version and another configuration file."""
    tree = out.parent / "newer"
    host("dpkg-deb", "-R", deb, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+newer", control.read_text(), flags=re.M))
    with open(tree / CONF, "a") as conf:
        conf.write("\n# A newer version has more to say.\n")
    host("dpkg-deb", "--root-owner-group", "-b", tree, out)


def of_systemd(step):
    """Marks a step that looks at what systemd does."""
    step.of_systemd = True
    return step


class Check:
    """The steps. Each leaves the package installed and the server running, but the last ones."""

    def __init__(self, root, work, port):
        self.root = root
        self.port = port
        self.work = work

    def file(self, name):
        return self.root.path / name

    def apt(self, *words, **environment):
        return self.root.call("apt-get", "-q", "-y", "--allow-downgrades", "-o", "Dpkg::Options::=--force-confold", *words,
                              **environment)

    def reelrank(self, *words, **keywords):
        return self.root.call("reelrank", *words, **keywords)

    def target(self):
        return ["--target", "127.0.0.1:%d" % self.port]

    def digest(self):
        status = json.loads(self.reelrank("status", *self.target(), "--digest", "--json"))
        return status["state_sequence"], status["state_digest"]

    def slate(self):
        answer = json.loads(self.reelrank("rank", *self.target(), "--user", "user-hi", "--locale", "hi-IN", "--age", "25", "--candidates",
                                          "/candidates.txt", "--now-ms", "1795305600000", "--limit", "10", "--json"))
        return [entry["video_id"] for entry in answer["slate"]]

    def installs_with_user_data_and_configuration(self):
        self.apt("install", "/old.deb")
        assert re.fullmatch(r"reelrank \d+\.\d+\.\d+\n", self.reelrank("--version"))
        assert self.root.call("stat", "-c", "%U:%G %a", DATA) == "reelrank:reelrank 700\n"
        assert self.root.call("stat", "-c", "%U:%G %a", "/" + CONF) == "root:root 644\n"
        user = self.root.call("getent", "passwd", "reelrank").strip()
        assert re.fullmatch(r"reelrank:x:\d+:\d+:[^:]*:/var/lib/reelrank:/usr/sbin/nologin", user), user

    @of_systemd
    def starts_on_loopback_at_the_usual_port(self):
        assert (self.root.show("ActiveState"), self.root.show("UnitFileState")) == ("active", "enabled")
        self.reelrank("status", "--target", "127.0.0.1:7070")
        self.root.stop()

    def an_edited_configuration_is_obeyed(self):
        path = self.file(CONF)
        text = path.read_text()
        path.write_text(text.replace("#listen = 127.0.0.1:7070\n", "listen = 127.0.0.1:%d\n" % self.port))
        self.conf = path.read_bytes()
        assert self.conf != text.encode()
        self.root.start()
        self.reelrank("status", *self.target())

    def ranks_what_was_imported(self):
        self.root.call("sh", "-c", "reelrank simulate --now-ms 1795305600000 > /demo.jsonl &&"
                       " reelrank simulate --now-ms 1795305600000 --candidates-for hi-IN > /candidates.txt")
        self.reelrank("import", *self.target(), "--format", "jsonl", "/demo.jsonl")
        self.before = self.digest(), self.slate()
        assert len(self.before[1]) == 10, self.before

    def keeps(self):
        assert (self.digest(), self.slate()) == self.before, (self.digest(), self.slate(), self.before)
        assert self.file(CONF).read_bytes() == self.conf

    @of_systemd
    def confined_as_the_unit_says(self):
        status = self.root.call("cat", "/proc/%s/status" % self.root.show("MainPID"))
        assert re.search(r"^NoNewPrivs:\t1$", status, re.M) and re.search(r"^Seccomp:\t2$", status, re.M), status
        assert re.search(r"^CapEff:\t0+$", status, re.M) and not re.search(r"^Uid:\t0", status, re.M), status
        print("   ", self.root.call("systemd-analyze", "security", "--no-pager", "reelrank").splitlines()[-1].strip())

    @of_systemd
    def the_watchdog_and_readiness_are_told(self):
        assert self.root.show("StatusText") == "serving on 127.0.0.1:%d" % self.port
        assert self.root.show("WatchdogUSec") == "1min"

    def ends_well_by_sigterm_and_starts_again(self):
        self.root.stop()
        self.root.start()
        self.keeps()

    @of_systemd
    def comes_back_after_a_crash(self):
        pid = self.root.show("MainPID")
        self.root.call("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "reelrank")
        eventually("another server is active", lambda: self.root.show("MainPID") not in ("0", pid) and
                   self.root.show("ActiveState") == "active")
        self.keeps()

    @of_systemd
    def a_broken_configuration_is_not_tried_again(self):
        self.file(CONF).write_bytes(self.conf + b"wrokers = 3\n")
        self.root.call("systemctl", "restart", "reelrank", code=1)
        assert (self.root.show("Result"), self.root.show("ExecMainStatus"), self.root.show("NRestarts")) == ("exit-code", "4", "0")
        assert "wrokers: no such option; did you mean workers?" in self.root.call("journalctl", "--no-pager", "-u", "reelrank")
        self.file(CONF).write_bytes(self.conf)
        self.root.call("systemctl", "reset-failed", "reelrank")
        self.root.start()

    def version(self):
        return self.root.call("dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", "reelrank")

    def change_to(self, deb):
        self.root.before_change()
        self.apt("install", deb)
        self.root.after_change()
        self.keeps()

    def upgrades_with_data_and_edited_configuration(self):
        self.change_to("/new.deb")
        assert self.version().startswith("installed ") and self.version().endswith("+newer"), self.version()
        assert b"has more to say" in self.file(CONF + ".dpkg-dist").read_bytes(), "dpkg tells of the newer file"

    def downgrades(self):
        self.change_to("/old.deb")
        assert not self.version().endswith("+newer"), self.version()

    def scripts_run_again_change_nothing(self):
        listed = self.root.call("find", "/etc", DATA, "-printf", "%p %u %m\n")
        self.root.call("/var/lib/dpkg/info/reelrank.postinst", "configure", DPKG_MAINTSCRIPT_PACKAGE="reelrank")
        assert self.root.call("find", "/etc", DATA, "-printf", "%p %u %m\n") == listed

    def a_removal_leaves_data_and_configuration(self):
        self.root.before_change()
        self.apt("remove", "reelrank")
        assert not self.file("usr/bin/reelrank").exists() and not self.file("lib/systemd/system/reelrank.service").exists()
        assert self.file(CONF).read_bytes() == self.conf and self.file("var/lib/reelrank/data.mdb").exists()
        self.root.call("sh", "-c", "! ls -l /proc/[0-9]*/exe 2>/dev/null | grep /usr/bin/reelrank")

    def installed_again_it_goes_on_where_it_was(self):
        self.apt("install", "/old.deb")
        if not isinstance(self.root, Booted):
            self.root.start()
        self.keeps()

    def a_purge_keeps_what_cannot_be_made_again(self):
        self.root.before_change()
        out = self.apt("purge", "reelrank")
        assert "/var/lib/reelrank and the user reelrank are kept" in out, out
        assert not self.file("etc/reelrank/weights.yaml").exists() and self.file("var/lib/reelrank/data.mdb").exists()
        self.root.call("getent", "passwd", "reelrank")

    def a_purge_that_is_told_so_leaves_nothing(self):
        self.apt("install", "/old.deb")
        self.apt("purge", "reelrank", REELRANK_PURGE_DATA="yes")
        self.root.call("getent", "passwd", "reelrank", code=2)
        left = self.root.call("find", "/etc", "/lib", "/usr", "/var", "/run", "-xdev", "-iname", "*reelrank*", "-not", "-path", "/var/cache/*")
        assert left == "", left

    def run(self):
        for step in [self.installs_with_user_data_and_configuration, self.starts_on_loopback_at_the_usual_port,
                     self.an_edited_configuration_is_obeyed, self.ranks_what_was_imported, self.confined_as_the_unit_says,
                     self.the_watchdog_and_readiness_are_told, self.ends_well_by_sigterm_and_starts_again, self.comes_back_after_a_crash,
                     self.a_broken_configuration_is_not_tried_again, self.upgrades_with_data_and_edited_configuration, self.downgrades,
                     self.scripts_run_again_change_nothing, self.a_removal_leaves_data_and_configuration,
                     self.installed_again_it_goes_on_where_it_was, self.a_purge_keeps_what_cannot_be_made_again,
                     self.a_purge_that_is_told_so_leaves_nothing]:
            wanted = isinstance(self.root, Booted) or not hasattr(step, "of_systemd")
            if wanted:
                step()
            print("ok" if wanted else "skip", step.__name__, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(work, options):
    """A root with both packages in it, and all they depend on fetched."""
    base = options.root or work / "base"
    if not (base / "bin/bash").exists():
        make_base(base, options.mirror)
    root = work / "root"
    host("cp", "-a", "--reflink=auto", base, root)
    shutil.copy(options.deb, root / "old.deb")
    newer_version(options.deb, root / "new.deb")
    fetching = Root(root)
    try:
        fetching.call("apt-get", "-q", "update")
        fetching.call("apt-get", "-q", "-y", "install", "--download-only", "/old.deb")
    finally:
        fetching.release()
    return root


def parse():
    parser = argparse.ArgumentParser(prog="./dev package --check")
    parser.add_argument("deb", metavar="DEB", type=pathlib.Path)
    parser.add_argument("--root", metavar="DIR", type=pathlib.Path, help="base root to copy; made if it is missing")
    parser.add_argument("--mirror", metavar="URL", default=mirror_of_this_machine(), help="Debian mirror (%(default)s)")
    parser.add_argument("--without-systemd", action="store_true", help="start the server by hand as the unit says")
    return parser.parse_args()


def main():
    options = parse()
    with tempfile.TemporaryDirectory() as path:
        work = pathlib.Path(path)
        root = prepare(work, options)
        running = Root(root) if options.without_systemd else Booted(root)
        try:
            Check(running, work, free_port()).run()
        finally:
            running.release()
    print("the package is sound")


if __name__ == "__main__":
    main()
