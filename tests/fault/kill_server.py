"""The real server under load, killed again and again: every acknowledged signal is there, and once.

kill_server.py REELRANK [--kills N] [--seed N] [--json] [--keep]; ./dev faults runs it. docs/faults.md tells what it
checks and what it cannot. SIGKILL leaves what the kernel was given, so this tests the order of writing and answering,
and recovery; not the disk.
"""

import argparse
import collections
import faulthandler
import json
import os
import pathlib
import random
import re
import shutil
import signal
import statistics as arithmetic
import subprocess
import sys
import tempfile
import time

import grpc

from client import REELRANK, TIMEOUT, Process, Server, command, equal, eventually, record, statistics, upsert
from load import COUNTERS, USERS, VIDEOS, CatalogClient, Crowd, FeedClient, ForgetClient, RankClient, catalogue
from strike import last_transaction

NAME = "acknowledged_signals_survive_kills_exactly_once"
AUDIT_EVERY = 25  # kills
# Small, so that checkpoints and retention happen all the time. Those that the server knows are used.
OPTIONS = {"drain-ms": 200, "checkpoint-records": 2000, "retain-mib": 2, "user-memory-mib": 1}
SET_ASIDE = "the last process to read it did not come through"


def known_options():
    out, _ = command(0, "serve", "--help")
    return [word for name, value in OPTIONS.items() if "--" + name + " " in out for word in ("--" + name, str(value))]


def has_forget(api):
    """Asks for nobody, once."""
    try:
        api.ForgetUser(user_id="nobody")
        return True
    except grpc.RpcError as error:
        return error.code() != grpc.StatusCode.UNIMPLEMENTED


def files_with(folder, token):
    """Files below folder in which token's bytes stand."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and token.encode() in path.read_bytes()]


class Backup:
    """`reelrank backup` as a process; what it must contain was acknowledged before it began."""

    def __init__(self, place, data, sequence):
        self.place = place
        self.sequence = sequence
        self.out = place / "backup"
        self.process = subprocess.Popen([REELRANK, "backup", "--data", str(data), str(self.out), "--json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def partials(self):
        return list(self.place.glob("backup.partial-*"))

    def finish(self):
        """The server's death is nothing to a backup: it ends well and whole. Returns what it tells of itself."""
        out, err = self.process.communicate(timeout=TIMEOUT)
        equal((0, []), (self.process.returncode, self.partials()))
        told = json.loads(out)
        assert told["sequence"] >= self.sequence, "a backup lacks what was acknowledged before it: %s %s" % (told, err)
        return told

    def clear(self):
        for path in [self.out, *self.partials()]:
            shutil.rmtree(path, ignore_errors=True)


class Harness:
    def __init__(self, place, seed, progress):
        self.place = place
        self.random = random.Random(seed)
        self.progress = progress
        self.options = known_options()
        self.feeds = [FeedClient("s%d" % i, seed, streams=i % 2 == 1) for i in range(4)]
        self.catalog = CatalogClient("k0", seed)
        self.ranker = RankClient("r0", seed, [feed.user(i) for feed in self.feeds for i in range(0, USERS, 10)])
        self.forget = ForgetClient("f0", seed)
        self.clients = [*self.feeds, self.catalog, self.ranker]
        self.kills = 0
        self.counts = collections.Counter()  # of all that happened, by name
        self.starts = []  # (ms from exec to SERVING, how the life before ended)
        self.last = "nothing"  # how the life before ended
        self.first = 1  # of the log, as last seen
        self.checkpoint = None  # the sequence in the log line of the last start
        self.aim = None  # of the life under way
        self.aims = {"moment": 8, "append": 3, "stop": 2, "start": 3, "backup": 2, "backup_command": 2}
        if "--checkpoint-records" in self.options:
            self.aims["checkpoint"] = 6
        if "--retain-mib" in self.options:
            self.aims["retention"] = 3

    def server(self):
        return Server(self.place, *self.options)

    def begin(self):
        with self.server() as server:
            upsert(server.api, *catalogue())
            if has_forget(server.api):
                self.clients.append(self.forget)
                self.aims["forget"] = 3
                upsert(server.api, *self.forget.catalogue())
            self.records = server.api.GetStatus().state_sequence  # before the load

    # One life of the server.

    def live(self, aim):
        self.aim = aim
        if aim == "start":
            self.die_at_start()
            return
        with self.server() as server:
            self.check_start(server)
            before = [client.answers for client in self.clients]
            crowd = Crowd(server, self.clients)
            eventually(lambda: all(client.answers > count or client.failure
                                   for client, count in zip(self.clients, before)))
            getattr(self, "die_at_" + aim)(server)
            self.counts["forget_call_under_way"] += self.forget.underway.is_set()
            server.kill()
            self.kills += 1
            crowd.join()
        self.counts["aim_" + aim] += 1
        self.last = aim

    def die_at_start(self):
        """Killed while it opens the store, or shortly after."""
        process = Process(self.place, *self.options)
        time.sleep(self.random.uniform(0, 0.06))
        process.kill()
        process.release()
        self.kills += 1
        self.last = "start"
        self.counts["aim_start"] += 1

    # How it dies: each returns when the moment to kill has come, or strikes itself.

    def die_at_moment(self, server):
        time.sleep(self.random.uniform(0, 0.6))

    def strike(self, server, name, seconds):
        words = [sys.executable, "-S", "-P", str(pathlib.Path(__file__).parent / "strike.py"),
                 str(server.process.pid), name, str(seconds)]
        call, before = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode().split()
        server.kill()
        what = name.split(".")[0]
        if call == "None":
            self.counts["strike_missed_" + what] += 1
            return
        unfinished = last_transaction(server.data / name) == int(before)
        self.counts["in_%s_of_%s" % (call, what)] += 1
        self.counts["unfinished_write_of_" + what] += unfinished

    def die_at_append(self, server):
        time.sleep(self.random.uniform(0, 0.2))
        self.strike(server, "data.mdb", 2)

    def die_at_checkpoint(self, server):
        self.strike(server, "state.mdb", 4)

    def die_at_stop(self, server):
        """While it drains and writes its last checkpoint."""
        time.sleep(self.random.uniform(0, 0.2))
        server.terminate()
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 0.1))
        else:
            self.strike(server, "state.mdb", 3)

    def die_at_retention(self, server):
        """Just after the log lost its oldest records."""
        first, end = server.api.GetStatus().log_first_sequence, time.monotonic() + 3
        while self.first == first and time.monotonic() < end:
            first = server.api.GetStatus().log_first_sequence
        self.counts["killed_as_the_log_moved_on"] += first != self.first

    def die_at_forget(self, server):
        self.forget.underway.wait(2)
        time.sleep(self.random.uniform(0, 0.01))

    def start_backup(self, server):
        time.sleep(self.random.uniform(0, 0.2))
        backup = Backup(self.place, server.data, server.api.GetStatus().state_sequence)
        time.sleep(self.random.uniform(0, 0.15))
        return backup

    def die_at_backup(self, server):
        """Dies during a backup, which goes on."""
        backup = self.start_backup(server)
        self.counts["server_killed_during_backup"] += backup.process.poll() is None
        server.kill()
        backup.finish()
        backup.clear()

    def die_at_backup_command(self, server):
        """The backup dies first; the server goes on without it, and dies later."""
        backup = self.start_backup(server)
        self.counts["backup_command_killed"] += backup.process.poll() is None
        backup.process.send_signal(signal.SIGKILL)
        backup.process.communicate()
        self.counts["partial_backups_left"] += len(backup.partials())
        backup.clear()
        self.die_at_moment(server)

    # What must be true after every start.

    def check_start(self, server):
        equal(1, server.api.Check().status)
        self.starts.append((round(1000 * (time.monotonic() - server.started)), self.last))
        self.note_recovery(server)
        self.check(server.api, exact=False)

    def note_recovery(self, server):
        """Counts what the server says it found, and what it left before."""
        status = server.api.GetStatus()
        self.counts["starts_after_the_log_moved_on"] += status.log_first_sequence > self.first
        self.first = max(self.first, status.log_first_sequence)
        for line in server.log_text().splitlines():
            if " event=recover" not in line:
                continue
            values = dict(re.findall(r"(\w+)=(\d+)", line))
            self.counts["starts_with_a_forget_pending"] += int(values.get("forgets_pending", 0)) > 0
            sequence = next((int(value) for name, value in values.items() if name.startswith("checkpoint")), None)
            moved = sequence is not None and self.checkpoint is not None and sequence > self.checkpoint
            self.counts["starts_after_a_new_checkpoint"] += moved
            self.checkpoint = sequence
        for line in server.log_text().splitlines():
            self.check_line(line)

    def check_line(self, line):
        """Nothing goes wrong at a start, but that a death while state.mdb was read costs that file."""
        if SET_ASIDE in line and self.last == "start":
            self.counts["state_files_set_aside"] += 1
        else:
            assert " level=warn" not in line and " level=error" not in line, line

    def check(self, api, exact):
        status = api.GetStatus()
        seen = max(client.sequence for client in self.clients)
        assert status.state_sequence >= seen, "acknowledged up to %d, found %d" % (seen, status.state_sequence)
        self.check_statistics(api)
        self.catalog.check(api)
        self.forget.check(api)
        for feed in self.feeds:
            self.check_repeats(api, feed)
            for index in range(USERS) if exact else self.random.sample(range(USERS), 10):
                self.check_count(api, feed, index)
            for index in self.random.sample(range(USERS), 5 if exact else 1):
                self.check_export(api, feed, index, status.log_first_sequence)
        self.counts["checks"] += 1

    def check_statistics(self, api):
        """Each counter is what is acknowledged, or more by what is pending."""
        low, high = collections.Counter(), collections.Counter()
        for feed in self.feeds:
            low.update(feed.counts)
            high.update(feed.counts)
            for batch in feed.pending:
                high.update(feed.count(*batch))
        for name in VIDEOS:
            counts = statistics(api, name) if any(low[name, kind] for kind in COUNTERS) else None
            for kind, field in COUNTERS.items():
                found = getattr(counts, field) if counts else low[name, kind]
                assert low[name, kind] <= found <= high[name, kind], "%s of %s: %d acknowledged, %d found, %d sent" % (
                    field, name, low[name, kind], found, high[name, kind])

    def check_repeats(self, api, feed):
        """What was acknowledged last is known when it is sent again."""
        again = feed.signals(max(1, feed.acknowledged - 99), feed.acknowledged)
        response = api.RecordSignals(signals=again)
        equal((0, len(again), 0), (response.accepted, response.duplicate, response.rejected))
        self.counts["signals_resent"] += len(again)

    def check_count(self, api, feed, index):
        low = len(feed.numbers_of(index, 1, feed.acknowledged))
        high = len(feed.numbers_of(index, 1, feed.sent))
        try:
            found = api.GetUser(user_id=feed.user(index)).signal_count
        except grpc.RpcError as error:
            equal(grpc.StatusCode.NOT_FOUND, error.code())
            found = 0
        assert low <= found <= high, "%s: %d acknowledged, %d found, %d sent" % (feed.user(index), low, found, high)

    def check_export(self, api, feed, index, first):
        """A user's signals are those sent, each once and in order, from the first that retention left."""
        acknowledged = len(feed.numbers_of(index, 1, feed.acknowledged))
        numbers = list(feed.numbers_of(index, 1, feed.sent))
        try:
            found = [item.signal for item in api.ExportUser(user_id=feed.user(index)) if item.HasField("signal")]
        except grpc.RpcError as error:
            equal(grpc.StatusCode.NOT_FOUND, error.code())
            found = []
        begin = numbers.index(int(found[0].event_id.split(".")[1])) if found else acknowledged
        wanted = [feed.signal(number) for number in numbers[begin : begin + len(found)]]
        equal(wanted, found)
        assert begin + len(found) >= acknowledged, "%s lacks signals" % feed.user(index)
        assert begin == 0 or first > 1, "%s lacks its first signals" % feed.user(index)
        self.counts["signals_exported"] += len(found)

    # What must be true when nothing is under way.

    def audit(self):
        """Settles all, checks exactly, and compares the state with one made anew from a copy of the files."""
        with self.server() as server:
            self.check_start(server)
            for client in self.clients:
                client.settle(server.api)
            self.check(server.api, exact=True)
            self.check_sequence(server.api.GetStatus().state_sequence)
            eventually(lambda: not files_with(server.data, self.forget.token))
            status = server.api.GetStatus(state_digest=True)
            self.check_backup(server, status)
            server.kill()
            self.kills += 1
            self.last = "audit"
        assert not files_with(self.place, self.forget.token), "a forgotten user's id is still there"
        copy = self.place / "copy"
        shutil.copytree(self.place / "data", copy)
        verdict = json.loads(command(0, "verify", "--data", copy, "--rebuild", "--json")[0])
        equal((0, status.state_sequence, status.state_digest, status.state_digest),
              (verdict["error_count"], verdict["sequence"], verdict["digest"], verdict["opened_digest"]))
        equal(status.state_sequence - status.log_first_sequence + 1, verdict["records"])
        shutil.rmtree(copy)
        self.aggregates = verdict["aggregates_digest"]
        self.counts["digests_compared"] += 1

    def check_sequence(self, sequence):
        """One record for each change and each signal, and none besides, but what a call to forget may add."""
        sent = self.acknowledged() + self.catalog.acknowledged + self.forget.signals_stored
        found = sequence - self.records
        assert sent <= found <= sent + self.forget.calls, "%d records for %d entries" % (found, sent)

    def check_backup(self, server, status):
        """A backup made and restored has the same state."""
        backup = Backup(self.place, server.data, status.state_sequence)
        told = backup.finish()
        equal((status.state_sequence, status.state_digest), (told["sequence"], told["state_digest"]))
        restored = self.place / "restored"
        command(0, "restore", backup.out, "--data", restored)
        verdict = json.loads(command(0, "verify", "--data", restored, "--json")[0])
        equal((0, status.state_digest), (verdict["error_count"], verdict["digest"]))
        shutil.rmtree(restored)
        backup.clear()

    def compare_with_reference(self):
        """All acknowledged signals in order into a server that is never killed: the same aggregates."""
        place = self.place / "reference"
        place.mkdir()
        digests = []
        with Server(place) as server:
            upsert(server.api, *catalogue())
            for feed in self.feeds:
                for first in range(1, feed.acknowledged + 1, 1000):
                    record(server.api, *feed.signals(first, min(first + 999, feed.acknowledged)))
        digests.append(self.reference_digest(place))
        if self.forget in self.clients:  # their signals may stay in the statistics, all of them or none
            with Server(place) as server:
                upsert(server.api, *self.forget.catalogue())
                for number in range(self.forget.made):
                    record(server.api, *self.forget.signals(number))
            digests.append(self.reference_digest(place))
        assert self.aggregates in digests, "aggregates %s, those of a fresh store %s" % (self.aggregates, digests)
        self.counts["references_compared"] += 1

    def reference_digest(self, place):
        return json.loads(command(0, "verify", "--data", place / "data", "--json")[0])["aggregates_digest"]

    # All of it.

    def run(self, kills):
        began = time.monotonic()
        self.begin()
        for done in range(kills):
            names = list(self.aims)
            # Each once at first, so that few kills meet many phases.
            self.live(names[done] if done < len(names) else self.random.choices(names, list(self.aims.values()))[0])
            if (done + 1) % AUDIT_EVERY == 0 and done + 1 < kills:
                self.audit()
            self.progress("%d of %d kills, %d signals, %.0f s" % (done + 1, kills, self.acknowledged(),
                                                                  time.monotonic() - began))
        self.audit()
        self.compare_with_reference()
        return self.report(time.monotonic() - began)

    def acknowledged(self):
        return sum(feed.acknowledged for feed in self.feeds)

    def report(self, seconds):
        largest, after = max(self.starts)
        return {
            "kills": self.kills,
            "duration_s": round(seconds, 1),
            "start_ms": {"largest": largest, "largest_after": after,
                         "median": round(arithmetic.median(ms for ms, _ in self.starts))},
            # A run that finds one lost or twice ends there.
            "signals": {"acknowledged": self.acknowledged(), "lost": 0, "twice": 0,
                        "retried_and_stored_before": sum(feed.retried_stored for feed in self.feeds),
                        "retried_and_new": sum(feed.retried_new for feed in self.feeds)},
            "catalogue_changes": self.catalog.acknowledged,
            "rankings": self.ranker.answers,
            "users_forgotten": len(self.forget.forgotten),
            "log_first_sequence": self.first,
            "options": self.options,
            "counts": {name: count for name, count in sorted(self.counts.items()) if count},
        }


def print_report(report):
    for name, value in report.items():
        if isinstance(value, dict):
            print("%s:" % name.replace("_", " "))
            for key, number in value.items():
                print("  %-44s %s" % (key.replace("_", " "), number))
        else:
            print("%-46s %s" % (name.replace("_", " "), " ".join(value) if isinstance(value, list) else value))


def show_progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + text)
        sys.stderr.flush()


def main():
    parser = argparse.ArgumentParser(prog="./dev faults", description="Kills a server under load, again and again.")
    parser.add_argument("reelrank", help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=200, help="how often (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the load and of the moments (1)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the data directory of a failed run, and say where")
    options = parser.parse_args()
    faulthandler.dump_traceback_later(TIMEOUT + 30 * options.kills, exit=True)
    place = pathlib.Path(tempfile.mkdtemp(prefix="reelrank-faults-", dir=os.environ.get("TEST_TMPDIR")))
    harness = Harness(place, options.seed, show_progress)
    try:
        report = harness.run(options.kills)
    except BaseException:
        print("FAILED %s: seed %d, after %d kills, the last aimed at: %s" % (NAME, options.seed, harness.kills,
                                                                           harness.aim), flush=True)
        print("kept in %s" % place if options.keep else "with --keep the data would be kept", file=sys.stderr)
        if not options.keep:
            shutil.rmtree(place)
        raise
    show_progress("")
    shutil.rmtree(place)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_report(report)
        print("ok", NAME)


main()
