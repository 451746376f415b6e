"""No room, or no leave, to write: signals are refused with a reason, ranking goes on, and nothing acknowledged is lost.

The tests of full disks mount small ones: the file starts itself again in a mount namespace of its own, where the system
lets it.
"""

import os
import resource
import subprocess
import sys

import grpc

from client import NOW_MS, REELRANK, TIMEOUT, Server, command, equal, new_signal, rank, record, upsert, video
from runner import Skip, case, run

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
FAILED = 1  # the command's exit code
IN_NAMESPACE = "REELRANK_FAULT_MOUNTS"
# Root without the power to pass over permissions.
PLAIN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def enter_namespace():
    """Starts this file again where mounts are nobody else's business."""
    if IN_NAMESPACE in os.environ:
        return
    for words in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        try:
            able = subprocess.run([*words, "mount", "-t", "tmpfs", "none", "/mnt"], stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            break
        if able.returncode == 0:
            os.environ[IN_NAMESPACE] = "yes"
            os.execvp(words[0], [*words, sys.executable, "-B", "-P", *sys.argv])
    os.environ[IN_NAMESPACE] = "no"


def mount(*words):
    if os.environ[IN_NAMESPACE] != "yes":
        raise Skip("no mount namespace here")
    done = subprocess.run(["mount", *map(str, words)], stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip("no mounts here: %s" % done.stderr.decode().strip())


def can_be_plain():
    try:
        return subprocess.run([*PLAIN, "true"], stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def unmount(path):
    subprocess.run(["umount", str(path)], check=True)


def fill(path):
    """Takes what is left of a disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(fd, b"\0" * 4096)
    except OSError:
        os.close(fd)


class Source:
    """Signals numbered from 0; what was acknowledged is a prefix."""

    def __init__(self, size):
        self.size = size
        self.acknowledged = 0
        self.refusal = None

    def batch(self, first):
        return [new_signal("SHARE", user_id="u%d" % (number % 50), video_id="v1", event_id="e%d" % number,
                           time_ms=NOW_MS + number) for number in range(first, first + self.size)]

    def send(self, api, batches=1):
        for _ in range(batches):
            record(api, *self.batch(self.acknowledged))
            self.acknowledged += self.size

    def send_until_refused(self, api, code=EXHAUSTED):
        """Returns what the refusal says."""
        for _ in range(100000):
            try:
                self.send(api)
            except grpc.RpcError as error:
                equal(code, error.code())
                return error.details()
        raise AssertionError("never refused")

    def check(self, api):
        """What was acknowledged is there once, and nothing that was refused."""
        [stored] = api.GetVideos(video_ids=["v1"], statistics=True).videos
        equal(self.acknowledged, stored.statistics[0].shares)
        for first in range(0, self.acknowledged, self.size):
            equal(self.size, api.RecordSignals(signals=self.batch(first)).duplicate)
        equal(self.acknowledged + 1, api.GetStatus().state_sequence)


def check_goes_on(api, source):
    """All that reads is answered while nothing can be written."""
    equal(["v1"], [ranked.video_id for ranked in rank(api, ["v1"]).slate])
    assert api.GetUser(user_id="u1").signal_count > 0
    equal(1, api.Check().status)
    source.check(api)


def check_after(place, source, *words):
    """A new server on the same folder has the same, and so has verify."""
    with Server(place, *words) as server:
        source.check(server.api)
        source.send(server.api, 5)
        source.check(server.api)
    command(0, "verify", "--data", place / "data", "--rebuild")


@case
def a_full_disk_refuses_signals_and_goes_on_when_it_has_space(place):
    data, source = place / "data", Source(100)
    data.mkdir(mode=0o700)
    mount("-t", "tmpfs", "-o", "size=2m", "none", data)
    try:
        with Server(place) as server:
            upsert(server.api, video("v1"))
            details = source.send_until_refused(server.api)
            assert "full" in details and "nothing was written" in details, details
            assert " level=error event=write " in server.log_text(), server.log_text()
            check_goes_on(server.api, source)
            source.send_until_refused(server.api)
            equal(1, server.log_text().count(" event=write "))
            mount("-o", "remount,size=64m", "none", data)
            source.send(server.api, 20)
            assert " event=write status=ok" in server.log_text(), server.log_text()
            source.check(server.api)
        check_after(place, source)
    finally:
        unmount(data)


@case
def a_server_starts_and_ranks_on_a_disk_that_is_full(place):
    data, source = place / "data", Source(100)
    data.mkdir(mode=0o700)
    mount("-t", "tmpfs", "-o", "size=8m", "none", data)
    try:
        with Server(place) as server:
            upsert(server.api, video("v1"))
            source.send(server.api, 20)
        fill(data / "ballast")
        with Server(place) as server:
            source.send_until_refused(server.api)
            check_goes_on(server.api, source)
            os.remove(data / "ballast")
            source.send(server.api, 5)
        check_after(place, source)
    finally:
        unmount(data)


@case
def a_backup_onto_a_full_disk_fails_and_leaves_nothing(place):
    disk, source = place / "disk", Source(500)
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=512k", "none", disk)
    try:
        with Server(place) as server:
            upsert(server.api, video("v1"))
            source.send(server.api, 20)
            _, err = command(FAILED, "backup", "--data", server.data, disk / "out")
            assert "disk" in err or "space" in err, err
            equal([], os.listdir(disk))
            source.send(server.api)
            source.check(server.api)
    finally:
        unmount(disk)


@case
def a_limit_of_the_size_of_files_refuses_signals_and_kills_nobody(place):
    """SIGXFSZ would end the server. LMDB tells a write that the limit cuts short as an error of input and output."""
    source = Source(1)
    with Server(place) as server:
        upsert(server.api, video("v1"))
        source.send(server.api, 20)
    limit = os.path.getsize(place / "data" / "data.mdb") + 5 * 4096
    none = resource.RLIM_INFINITY
    with Server(place, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, none))) as server:
        details = source.send_until_refused(server.api)
        assert "nothing was written" in details, details
        check_goes_on(server.api, source)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (none, none))
        source.send(server.api, 100)
        source.check(server.api)
    check_after(place, source)


@case
def a_full_budget_refuses_signals_and_a_larger_one_goes_on(place):
    source = Source(200)
    with Server(place, "--map-mib", 1) as server:
        upsert(server.api, video("v1"))
        details = source.send_until_refused(server.api)
        assert "full" in details and "--map-mib" in details, details
        check_goes_on(server.api, source)
        source.send_until_refused(server.api)
    with Server(place, "--map-mib", 1) as server:
        check_goes_on(server.api, source)
    check_after(place, source, "--map-mib", 64)


@case
def a_folder_that_may_not_be_written_is_refused_with_its_name(place):
    if PLAIN and not can_be_plain():
        raise Skip("root may write everywhere, and setpriv cannot change that here")
    closed = place / "closed"
    closed.mkdir(mode=0o500)
    done = subprocess.run([*PLAIN, REELRANK, "serve", "--data", str(closed / "data"), "--listen", "127.0.0.1:0"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    last = done.stderr.decode().splitlines()[-1]
    equal((FAILED, b""), (done.returncode, done.stdout))
    assert last.startswith("reelrank: serve: %s" % closed) and "Permission denied" in last, last


@case
def a_disk_that_is_mounted_to_be_read_is_refused_with_its_name(place):
    source = Source(10)
    with Server(place) as server:
        upsert(server.api, video("v1"))
        source.send(server.api, 20)
        digest = server.api.GetStatus(state_digest=True).state_digest
    data = place / "data"
    mount("--bind", data, data)
    try:
        mount("-o", "remount,ro,bind", data)
        _, err = command(FAILED, "serve", "--data", data, "--listen", "127.0.0.1:0")
        assert str(data) in err.splitlines()[-1] and "Read-only file system" in err.splitlines()[-1], err
        out, _ = command(0, "backup", "--data", data, place / "out")  # what an operator wants of such a disk
        assert digest in out, out
    finally:
        unmount(data)
    check_after(place, source)


enter_namespace()
run()
