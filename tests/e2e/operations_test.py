"""The operator's walk through docs/operations.md, with the real commands, while the server is busy."""

import json
import subprocess
import threading

import grpc

from client import NOW_MS, REELRANK, TIMEOUT, Api, Server, equal, eventually, fails, new_signal, record, upsert, video
from runner import case, run

CODE = grpc.StatusCode
UNAVAILABLE = 3  # the command's exit code
VIDEOS = ["v%d" % i for i in range(50)]
SERVE = ["--retain-mib", 1, "--window-length", 1000, "--checkpoint-records", 1000]


def command(*words, code=0):
    done = subprocess.run([REELRANK, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode == code, "%s: want code %d, got %r" % (words, code, done)
    return done.stdout.decode() if code == 0 else done.stderr.decode()


def answer(*words):
    return json.loads(command(*words, "--json"))


class Load:
    """Signals without end, each of a user of its own round, and now and then one of them is forgotten."""

    ROUND = 200

    def __init__(self, server):
        self.api = Api(server.channel())
        self.ending = threading.Event()
        self.failure = None
        self.written = 0
        self.forgotten = []
        self.thread = threading.Thread(target=self.run)

    def write(self, number):
        record(self.api, *[
            new_signal(("LIKE", "WATCH", "SKIP")[i % 3], user_id="user-%d-%d" % (number, i % 20),
                       video_id=VIDEOS[(number + i) % 50], time_ms=NOW_MS + number * 1000 + i,
                       watch_ms=4000 if i % 3 == 1 else 0, locale=("hi-IN", "ru-RU")[i % 2])
            for i in range(self.ROUND)])
        self.written += self.ROUND

    def run(self):
        try:
            number = 0
            while not self.ending.is_set():
                self.write(number)
                if number % 7 == 6:
                    self.forgotten.append("user-%d-3" % (number - 2))
                    self.api.ForgetUser(user_id=self.forgotten[-1])
                number += 1
        except Exception as error:
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.ending.set()
        self.thread.join()
        if kind is None and self.failure is not None:
            raise self.failure


def check_restored(data, made):
    """A restored directory is whole, and gives the state of the backup whichever way it is derived."""
    verdict = answer("verify", "--data", data, "--rebuild")
    equal((0, []), (verdict["error_count"], verdict["errors"]))
    for name in ("first", "base", "sequence", "aggregates_digest"):
        equal(made[name], verdict[name])
    equal([made["state_digest"]] * 2, [verdict["digest"], verdict["opened_digest"]])


def files_with(data, needle):
    return [path.name for path in data.iterdir() if needle.encode() in path.read_bytes()]


@case
def backups_of_a_busy_server_give_its_state(place):
    with Server(place, *SERVE) as server:
        upsert(server.api, *[video(name) for name in VIDEOS])
        with Load(server) as load:
            eventually(lambda: load.failure or server.api.GetStatus().log_first_sequence > 1)
            made = []
            for number in range(4):
                written, forgotten = load.written, len(load.forgotten)
                made.append(answer("backup", "--data", place / "data", place / ("backup-%d" % number)))
                eventually(lambda: load.failure or (load.written > written and len(load.forgotten) > forgotten))
            assert server.address in command("verify", "--data", place / "data", code=UNAVAILABLE)
        for number, backup in enumerate(made):
            assert backup["base"] > 0 and backup["base"] + 1 >= backup["first"] > 1, backup
            command("restore", place / ("backup-%d" % number), "--data", place / ("restored-%d" % number))
            check_restored(place / ("restored-%d" % number), backup)
    verdict = answer("verify", "--data", place / "data", "--rebuild")
    equal((0, verdict["opened_digest"]), (verdict["error_count"], verdict["digest"]))


@case
def who_was_forgotten_does_not_come_back_with_a_backup(place):
    data, monday, tuesday = place / "data", place / "monday", place / "tuesday"
    with Server(place, *SERVE) as server:
        upsert(server.api, *[video(name) for name in VIDEOS])
        with Load(server) as load:
            eventually(lambda: load.failure or server.api.GetStatus().log_first_sequence > 1)
            record(server.api, *[new_signal("LIKE", user_id="secretive", video_id=name, time_ms=NOW_MS + 1000000)
                                 for name in VIDEOS])
            made = answer("backup", "--data", data, monday)
            server.api.ForgetUser(user_id="secretive")
            command("backup", "--data", data, tuesday)
    assert files_with(monday, "secretive") and not files_with(tuesday, "secretive")
    assert "--force moves it aside" in command("restore", monday, "--data", data, code=1)
    lost = place / "lost"  # where the disk with the data is gone, a later backup tells
    restored = answer("restore", monday, "--data", lost, "--forgotten-in", tuesday)
    assert restored["forgotten"] >= 1 and not files_with(lost, "secretive"), restored
    restored = answer("restore", monday, "--data", data, "--force")
    assert restored["forgotten"] >= 1 and not files_with(data, "secretive"), restored
    equal(made["aggregates_digest"], restored["aggregates_digest"])
    verdict = answer("verify", "--data", data, "--rebuild")
    equal((0, restored["state_digest"]), (verdict["error_count"], verdict["digest"]))
    with Server(place, *SERVE) as server:
        fails(CODE.NOT_FOUND, lambda: server.api.GetUser(user_id="secretive"))
        late = server.api.RecordSignals(signals=[new_signal("LIKE", user_id="secretive", time_ms=NOW_MS + 1000000)])
        equal(1, late.rejected)


@case
def nobody_can_tell_who_is_forgotten_where_the_disk_failed(place):
    data, backup = place / "data", place / "backup"
    with Server(place) as server:
        record(server.api, *[new_signal("LIKE", user_id="u%d" % i) for i in range(10)])
    command("backup", "--data", data, backup)
    (data / "data.mdb").write_bytes(b"what was here?")
    message = command("restore", backup, "--data", data, "--force", code=1)
    assert "would come back" in message and "--forgotten-in" in message and "--ignore-forgotten" in message, message
    command("restore", backup, "--data", data, "--force", "--ignore-forgotten")
    equal(0, answer("verify", "--data", data)["error_count"])


run()
