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
import threading
import time

import grpc

from client import REELRANK, TIMEOUT, Process, Server, command, equal, eventually, record, statistics, upsert
from load import (COUNTERS, STILL_PATTERN, USERS, VIDEOS, CatalogClient, Crowd, FeedClient, ForgetClient, RankClient,
                  catalogue, show_stacks)
from remains import Remains, key_of
from strike import last_transaction

NAME = "acknowledged_signals_survive_kills_exactly_once"
AUDIT_EVERY = 25  # kills
# Small, so that checkpoints and retention happen all the time, and most users are on disk.
WINDOW = 8000
OPTIONS = ["--drain-ms", "200", "--checkpoint-records", "2000", "--retain-mib", "1", "--user-memory-mib", "1",
           "--window-length", str(WINDOW)]
KEEP_ALL = ["--retain-days", "0", "--user-days", "0", "--statistics-days", "0"]
# How a life ends, and how often one does so beside the others.
AIMS = {"moment": 6, "append": 3, "checkpoint": 5, "snapshot": 4, "retention": 5, "forget": 6, "erase": 5, "rewrite": 3, "stop": 2,
        "start": 3, "rebuild": 2, "backup": 2, "backup_command": 2}
WAITS_FOR_READERS = "a backup is being made"  # a warning; on a busy machine others read for long too
KEYS_LOOKED_FOR = 30  # of users forgotten last, after each kill; in the end all


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
        self.feeds = [FeedClient("s%d" % i, seed, streams=i % 2 == 1) for i in range(4)]
        self.catalog = CatalogClient("k0", seed)
        self.ranker = RankClient("r0", seed, [feed.user(i) for feed in self.feeds for i in range(0, USERS, 10)])
        self.forget = ForgetClient("f0", seed)
        self.clients = [*self.feeds, self.catalog, self.ranker, self.forget]
        self.still = {}  # the messages of videos that are never changed, by id
        self.kills = 0
        self.counts = collections.Counter()  # of all that happened, by name
        self.starts = []  # (ms from exec to SERVING, records replayed, how the life before ended)
        self.last = "nothing"  # how the life before ended
        self.first = 1  # of the log, as last seen
        self.checkpoint = 0  # the sequence in the log line of the last start
        self.aim = None  # of the life under way
        self.seen = None  # of what the kill before left
        self.process = None  # the server's, while it lives under load

    def server(self):
        return Server(self.place, *OPTIONS)

    def begin(self):
        with self.server() as server:
            videos = [*catalogue(), *self.forget.catalogue()]
            upsert(server.api, *videos)
            self.still = {video.video_id: video for video in videos}
            self.records = server.api.GetStatus().state_sequence  # before the load

    # One life of the server.

    def live(self, aim):
        self.aim = aim
        self.counts["aim_" + aim] += 1
        if aim in ("start", "rebuild"):
            self.die_at_start(aim == "rebuild")
        else:
            self.live_and_die(aim)
        self.kills += 1
        self.last = aim
        self.look_at_remains()

    def live_and_die(self, aim):
        with self.server() as server:
            self.process = server.process
            self.check_start(server)
            before = [client.answers for client in self.clients]
            crowd = Crowd(server, self.clients)
            try:
                eventually(lambda: all(client.answers > count or client.failure
                                       for client, count in zip(self.clients, before)))
            except AssertionError:
                show_stacks(server.process.pid)
                raise
            getattr(self, "die_at_" + aim)(server)
            self.counts["forget_call_under_way"] += self.forget.underway.is_set()
            server.kill()
            crowd.join()
            self.check_log(server)
            self.check_death(server)

    def die_at_start(self, rebuild):
        """Killed within the time that a start takes; rebuild: it has to do without state.mdb."""
        if rebuild:
            for path in (self.place / "data").glob("state.mdb*"):
                path.unlink()
        process = Process(self.place, *OPTIONS)
        if rebuild and self.random.random() < 0.6:
            self.strike_adoption(process)
        else:
            usual_ms = arithmetic.median([ms for ms, _, _ in self.starts])
            time.sleep(self.random.uniform(0, usual_ms / 1000))
            process.kill()
        self.check_death(process)
        self.counts["killed_before_it_had_recovered"] += " event=recovered " not in process.log_text()
        process.release()

    def strike_adoption(self, process):
        """Stands still until the striker is there, since it is soon done."""
        process.process.send_signal(signal.SIGSTOP)
        striker = subprocess.Popen(self.strike_words(process, "*state.mdb.partial", 2), stdout=subprocess.PIPE)
        time.sleep(0.1)
        process.process.send_signal(signal.SIGCONT)
        out, _ = striker.communicate()
        process.kill()
        call = out.decode().split()[0]
        self.counts["strike_missed_adoption" if call == "None" else "in_%s_of_adopted_state" % call] += 1

    def check_death(self, process):
        """It was killed, and did not end by itself; unless it was told to and was faster."""
        code = process.process.returncode
        assert code == -signal.SIGKILL or (code == 0 and self.aim == "stop"), "it ended with %s" % code

    # How it dies: each returns when the moment to kill has come, or strikes itself.

    def die_at_moment(self, server):
        time.sleep(self.random.uniform(0, 0.6))

    def strike_words(self, process, *words):
        return [sys.executable, "-S", "-P", str(pathlib.Path(__file__).parent / "strike.py"),
                str(process.process.pid), *map(str, words)]

    def run_strike(self, server, *words):
        """The name of the system call, and the last transaction before it; "None": it came too late."""
        done = subprocess.run(self.strike_words(server, *words), stdout=subprocess.PIPE, check=True)
        call, before = done.stdout.decode().split()
        server.kill()
        return call, int(before)

    def strike(self, server, name, seconds):
        call, before = self.run_strike(server, name, seconds)
        what = name.split(".")[0].strip("-*")
        if call == "None":
            self.counts["strike_missed_" + what] += 1
            return
        self.counts["in_%s_of_%s" % (call, what)] += 1
        if "*" not in name:
            self.counts["unfinished_write_of_" + what] += last_transaction(server.data / name) == before

    def die_at_append(self, server):
        time.sleep(self.random.uniform(0, 0.2))
        self.strike(server, "data.mdb", 2)

    def die_at_checkpoint(self, server):
        self.strike(server, "state.mdb", 4)

    def die_at_snapshot(self, server):
        """While one is made, or written again without somebody."""
        self.strike(server, "snapshot-*.mdb.partial", 4)

    def die_at_rewrite(self, server):
        """While one is written again: as soon as a forgotten user's signals are likely to have left the log."""
        self.forget.underway.wait(2)
        self.strike(server, "snapshot-*.mdb.partial", 2)

    def die_at_erase(self, server):
        """Once the first signals of a forgotten user have been replaced in the log."""
        call, _ = self.run_strike(server, "erasing", 3, server.data)
        self.counts["strike_missed_erasing"] += call == "None"

    def die_at_retention(self, server):
        """After a snapshot the catalogue is carried, and records go."""
        call, _ = self.run_strike(server, "snapshot-*.mdb", 4, server.data,
                                 self.random.uniform(0, self.random.choice((0.02, 0.12))))
        self.counts["strike_missed_retention"] += call == "None"

    def die_at_stop(self, server):
        """While it drains and writes its last checkpoint."""
        time.sleep(self.random.uniform(0, 0.2))
        server.terminate()
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 0.1))
        else:
            self.strike(server, "state.mdb", 3)

    def die_at_forget(self, server):
        """Within the time that a call takes; the log is erased at the beginning of it."""
        self.forget.underway.wait(2)
        time.sleep(self.random.uniform(0, self.forget.seconds * self.random.choice((0.1, 1))))

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
        self.restore(backup, backup.finish())
        self.restore_without_forgotten(backup, server.data)
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

    # What a kill left.

    def look_at_remains(self):
        """Counts how far the work was that the kill broke off. What is acknowledged as erased is nowhere."""
        remains = Remains(self.place / "data", ForgetClient.PATTERN, STILL_PATTERN)
        if remains.state() != self.seen:
            self.count_remains(remains)
        self.seen = remains.state()
        self.check_erased(max(0, self.forget.forgotten - KEYS_LOOKED_FOR))
        return remains

    def count_remains(self, remains):
        for what in ("made_in_part", "rewritten_in_part", "adopted_in_part", "trimmed_in_part", "carried_lately"):
            self.counts["left_" + what] += getattr(remains, what)()
        at = remains.erasure(self.forget.forgotten, key_of(self.forget.user(self.forget.forgotten)))
        if at is not None:
            self.counts["left_erasure_at_" + at] += 1

    def check_erased(self, first):
        """No file has anything of a user who is known to be forgotten."""
        for path in sorted(self.place.rglob("*")):
            self.check_erased_in(path, range(first, self.forget.forgotten))
        self.counts["searches_for_the_erased"] += 1

    def check_erased_in(self, path, numbers):
        """Not the id, nor a part of it; but for the list of forgotten users, not the key."""
        data = path.read_bytes() if path.is_file() else b""
        found = {int(number) for number in ForgetClient.PATTERN.findall(data)}
        gone = sorted(number for number in found if number < self.forget.forgotten)
        assert not gone, "forgotten users %s of %d are in %s" % (gone, self.forget.forgotten, path)
        for name in map(self.forget.user, numbers):
            assert name.split("-")[2].encode() not in data, "a part of forgotten %s is in %s" % (name, path)
            assert path.name == "data.mdb" or key_of(name) not in data, "the key of forgotten %s is in %s" % (name, path)

    # What must be true after every start.

    def check_start(self, server):
        equal(1, server.api.Check().status)
        milliseconds = round(1000 * (time.monotonic() - server.started))
        self.starts.append((milliseconds, self.note_recovery(server), self.last))
        self.check(server.api, exact=False)

    def note_recovery(self, server):
        """Counts what the server says it found; returns how many records it read again."""
        [line] = [line for line in server.log_text().splitlines() if " event=recovered " in line]
        values = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)(?= |$)", line)}
        self.counts["starts_with_a_forget_pending"] += values["forgets_pending"] > 0
        self.counts["starts_after_the_log_moved_on"] += values["log_first"] > self.first
        self.counts["starts_after_a_new_checkpoint"] += values["checkpoint"] > self.checkpoint
        assert values["log_first"] >= self.first, line
        self.first = values["log_first"]
        self.checkpoint = values["checkpoint"]
        return values["log_last"] - values["checkpoint"]

    def check_log(self, server):
        """Nothing went wrong, as far as the server knows."""
        for line in server.log_text().splitlines():
            waits = WAITS_FOR_READERS in line
            self.counts["erasures_put_off"] += waits
            assert waits or (" level=warn" not in line and " level=error" not in line), line

    def check(self, api, exact):
        status = api.GetStatus()
        seen = max(client.sequence for client in self.clients)
        assert status.state_sequence >= seen, "acknowledged up to %d, found %d" % (seen, status.state_sequence)
        self.check_statistics(api)
        self.check_still(api)
        self.catalog.check(api)
        self.forget.check(api)
        for feed in self.feeds:
            self.check_repeats(api, feed)
            for index in range(USERS) if exact else self.random.sample(range(USERS), 10):
                self.check_count(api, feed, index)
            for index in self.random.sample(range(USERS), 5 if exact else 1):
                self.check_export(api, feed, index)
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

    def check_still(self, api):
        """Videos that nobody changed are as they were, wherever retention has carried them."""
        found = {item.video.video_id: item.video for item in api.GetVideos(video_ids=list(self.still)).videos}
        equal(self.still, found)

    def check_repeats(self, api, feed):
        """What was acknowledged last is known when it is sent again, unless too much has come since."""
        if api.GetStatus().state_sequence - feed.sequence > WINDOW - 1000:
            self.counts["repeats_beyond_the_window"] += 1
            return
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

    def check_export(self, api, feed, index):
        """A user's signals are those sent, each once and in order, from the first that retention left."""
        acknowledged = len(feed.numbers_of(index, 1, feed.acknowledged))
        numbers = list(feed.numbers_of(index, 1, feed.sent))
        before = api.GetStatus().log_first_sequence
        try:
            found = [item.signal for item in api.ExportUser(user_id=feed.user(index)) if item.HasField("signal")]
        except grpc.RpcError as error:
            equal(grpc.StatusCode.NOT_FOUND, error.code())
            found = []
        first = api.GetStatus().log_first_sequence
        places = [numbers.index(int(signal.event_id.split(".")[1])) for signal in found]
        equal([feed.signal(numbers[place]) for place in places], found)
        equal(sorted(set(places)), places)
        assert found or acknowledged == 0, "%s lacks its last signals, which retention leaves" % feed.user(index)
        if found:
            assert places[-1] + 1 >= acknowledged, "%s lacks signals" % feed.user(index)
            assert places[0] == 0 or first > 1, "%s lacks its first signals" % feed.user(index)
            whole = places[-1] - places[0] + 1 == len(places)  # or records went while it was under way
            assert whole or first > before, "%s lacks signals in between" % feed.user(index)
        self.counts["signals_exported"] += len(found)

    # What must be true when nothing is under way.

    def audit(self):
        """Settles all, checks exactly, and compares the state with those made anew from copies of the files."""
        self.aim = "audit"
        with self.server() as server:
            self.check_start(server)
            for client in self.clients:
                client.settle(server.api)
            self.check(server.api, exact=True)
            status = server.api.GetStatus(state_digest=True)
            equal(0, status.forgets_pending)
            self.check_sequence(status.state_sequence)
            status = self.check_backup(server)
            server.kill()
            self.kills += 1
            self.check_log(server)
        self.last = "audit"
        if self.look_at_remains().kept_since(status.state_sequence):
            self.counts["audits_again"] += 1
            self.audit()
            return
        self.check_erased(0)
        self.check_derived(status)
        self.verify_copy(status)
        self.aggregates = status.aggregates_digest

    def verify_copy(self, status):
        """What verify derives from snapshots and log, and what it opens, is what was served."""
        copy = self.place / "copy"
        shutil.copytree(self.place / "data", copy)
        verdict = json.loads(command(0, "verify", "--data", copy, "--rebuild", "--json")[0])
        equal((0, status.state_sequence, status.state_digest, status.state_digest),
              (verdict["error_count"], verdict["sequence"], verdict["digest"], verdict["opened_digest"]))
        equal(status.state_sequence - status.log_first_sequence + 1, verdict["records"])
        shutil.rmtree(copy)
        self.counts["digests_verified"] += 1

    def check_derived(self, status):
        """A server that has to do without state.mdb serves the same."""
        place = self.place / "derived"
        shutil.copytree(self.place / "data", place / "data", ignore=shutil.ignore_patterns("state.mdb*"))
        with Server(place, "--window-length", str(WINDOW), *KEEP_ALL) as server:
            found = server.api.GetStatus(state_digest=True)
            equal((status.state_sequence, status.state_digest), (found.state_sequence, found.state_digest))
        shutil.rmtree(place)
        self.counts["digests_derived_by_a_start"] += 1

    def check_sequence(self, sequence):
        """One record at least for each change and each signal; retention writes some besides."""
        sent = (self.acknowledged() + self.catalog.acknowledged + self.forget.forgotten +
                self.forget.signal_count(0) + self.forget.signal_count(1))
        assert sequence - self.records >= sent, "%d records for %d entries" % (sequence - self.records, sent)

    def check_backup(self, server):
        """A backup made and restored has the same state, which retention may have moved on meanwhile."""
        backup = Backup(self.place, server.data, server.api.GetStatus().state_sequence)
        told = backup.finish()
        self.restore(backup, told)
        backup.clear()
        status = server.api.GetStatus(state_digest=True)
        if told["sequence"] == status.state_sequence:
            equal(status.state_digest, told["state_digest"])
            self.counts["backups_of_what_is_served"] += 1
        return status

    def restore(self, backup, told):
        """A backup becomes a directory with the state it tells of."""
        restored = self.place / "restored"
        command(0, "restore", backup.out, "--data", restored)
        verdict = json.loads(command(0, "verify", "--data", restored, "--json")[0])
        equal((0, told["sequence"], told["state_digest"]),
              (verdict["error_count"], verdict["sequence"], verdict["digest"]))
        shutil.rmtree(restored)
        self.counts["backups_restored"] += 1

    def compare_with_reference(self):
        """All acknowledged signals in order into a server that is never killed: the same aggregates."""
        place = self.place / "reference"
        place.mkdir()
        with Server(place) as server:
            upsert(server.api, *self.still.values())
            for feed in self.feeds:
                for first in range(1, feed.acknowledged + 1, 1000):
                    record(server.api, *feed.signals(first, min(first + 999, feed.acknowledged)))
            for batch in self.forget.all_signals():  # forgotten there, but what they did counts still
                record(server.api, *batch)
        equal(self.reference_digest(place), self.aggregates)
        self.counts["references_compared"] += 1

    def reference_digest(self, place):
        return json.loads(command(0, "verify", "--data", place / "data", "--json")[0])["aggregates_digest"]

    def restore_without_forgotten(self, backup, data):
        """Who was forgotten since a backup was made is forgotten in what is restored, and who was about to be."""
        place = self.place / "restored"
        place.mkdir()
        command(0, "restore", backup.out, "--data", place / "data", "--forgotten-in", data)
        equal(0, json.loads(command(0, "verify", "--data", place / "data", "--json")[0])["error_count"])
        with Server(place, "--window-length", str(WINDOW), *KEEP_ALL) as server:
            eventually(lambda: server.api.GetStatus().forgets_pending == 0)
        for path in place.rglob("*"):
            self.check_erased_in(path, range(self.forget.forgotten))
        shutil.rmtree(place)
        self.counts["backups_restored_without_forgotten"] += 1

    # All of it.

    def run(self, kills):
        began = time.monotonic()
        self.begin()
        for done in range(kills):
            names = list(AIMS)
            # Each once at first, so that few kills meet many phases.
            self.live(names[done] if done < len(names) else self.random.choices(names, list(AIMS.values()))[0])
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
        largest, records, after = max(self.starts)
        return {
            "kills": self.kills,
            "duration_s": round(seconds, 1),
            "start_ms": {"largest": largest, "records_it_read": records, "after": after,
                         "median": arithmetic.median_low(ms for ms, _, _ in self.starts),
                         "most_records_read": max(count for _, count, _ in self.starts)},
            # A run that finds one lost or twice ends there.
            "signals": {"acknowledged": self.acknowledged(), "lost": 0, "twice": 0,
                        "retried_and_stored_before": sum(feed.retried_stored for feed in self.feeds),
                        "retried_and_new": sum(feed.retried_new for feed in self.feeds)},
            "catalogue_changes": self.catalog.acknowledged,
            "rankings": self.ranker.answers,
            "forgetting": {"users": self.forget.forgotten, "signals_erased": self.forget.erased,
                           "told_that_the_server_stops": self.forget.told_of_stop},
            "log_first_sequence": self.first,
            "options": OPTIONS,
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


def end_hanging(harness):
    """Ends a run that takes longer than any."""
    if harness.process is not None and harness.process.poll() is None:
        show_stacks(harness.process.pid)
        harness.process.kill()
    faulthandler.dump_traceback()
    os._exit(1)


def main():
    parser = argparse.ArgumentParser(prog="./dev faults", description="Kills a server under load, again and again.")
    parser.add_argument("reelrank", help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=200, help="how often (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the load and of the moments (1)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the data directory of a failed run, and say where")
    options = parser.parse_args()
    place = pathlib.Path(tempfile.mkdtemp(prefix="reelrank-faults-", dir=os.environ.get("TEST_TMPDIR")))
    harness = Harness(place, options.seed, show_progress)
    watchdog = threading.Timer(TIMEOUT + 30 * options.kills, end_hanging, [harness])
    watchdog.daemon = True
    watchdog.start()
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
