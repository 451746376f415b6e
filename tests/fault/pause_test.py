"""A server that stands still for a while, clients that vanish or stop reading, and a second server."""

import os
import signal
import subprocess
import sys
import threading

import grpc

from client import (NOW_MS, REELRANK, TIMEOUT, Api, Feed, Server, command, equal, eventually, new_signal, rank, record,
                    upsert, video)
from runner import case, run

UNAVAILABLE = 3  # the command's exit code
CLIENT = "client"  # the word by which this file is a client that will be killed


def batch(name, number, size=50):
    return [new_signal("SHARE", user_id="u-%s" % name, video_id="v1", event_id="%s.%d.%d" % (name, number, i),
                       time_ms=NOW_MS + number) for i in range(size)]


def shares(api):
    [stored] = api.GetVideos(video_ids=["v1"], statistics=True).videos
    return stored.statistics[0].shares if stored.statistics else 0


class Sender(threading.Thread):
    """Sends batches until told to stop; a call that gets no answer in time is made again."""

    def __init__(self, server, name):
        super().__init__()
        self.stub = Api(server.channel()).stub("RecordSignals")
        self.request = server.api.request
        self.label = name
        self.batches = 0
        self.late = 0
        self.ends = False
        self.failure = None

    def send(self, signals):
        while True:
            try:
                return self.stub(self.request("RecordSignals", signals=signals), timeout=0.3)
            except grpc.RpcError as error:
                equal(grpc.StatusCode.DEADLINE_EXCEEDED, error.code())
                self.late += 1

    def run(self):
        try:
            while not self.ends:
                signals = batch(self.label, self.batches)
                response = self.send(signals)
                equal((len(signals), 0), (response.accepted + response.duplicate, response.rejected))
                self.batches += 1
        except Exception as error:  # told by the main thread
            self.failure = error


def state_of(process):
    with open("/proc/%d/stat" % process.pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


@case
def a_server_that_stood_still_goes_on_and_has_each_batch_once(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        senders = [Sender(server, "s%d" % i) for i in range(3)]
        for sender in senders:
            sender.start()
        for _ in range(3):
            before = [(sender.batches, sender.late) for sender in senders]
            eventually(lambda: all(sender.batches > count for sender, (count, _) in zip(senders, before)))
            server.process.send_signal(signal.SIGSTOP)
            eventually(lambda: state_of(server.process) == "T")
            # Deadlines pass meanwhile: calls of which nobody can say whether they were done.
            eventually(lambda: all(sender.late > late + 1 or sender.failure for sender, (_, late) in zip(senders, before)))
            server.process.send_signal(signal.SIGCONT)
        before = [sender.batches for sender in senders]
        eventually(lambda: all(sender.batches > count or sender.failure for sender, count in zip(senders, before)))
        for sender in senders:
            sender.ends = True
            sender.join(TIMEOUT)
            if sender.failure:
                raise sender.failure
        total = 50 * sum(sender.batches for sender in senders)
        equal((total, total + 1), (shares(server.api), server.api.GetStatus().state_sequence))


@case
def a_stopped_server_keeps_its_folder_and_a_killed_one_gives_it_free(place):
    words = ["serve", "--data", place / "data", "--listen", "127.0.0.1:0"]
    with Server(place) as server:
        record(server.api, new_signal("LIKE"))
        server.process.send_signal(signal.SIGSTOP)
        eventually(lambda: state_of(server.process) == "T")
        _, err = command(UNAVAILABLE, *words)
        last = err.splitlines()[-1]
        assert str(place / "data") in last and server.address in last, last
        _, err = command(UNAVAILABLE, "verify", "--data", place / "data")
        assert server.address in err, err
        server.process.send_signal(signal.SIGCONT)
        record(server.api, new_signal("SHARE"))
        server.kill()
    with Server(place) as server:
        equal(2, server.api.GetStatus().state_sequence)


def open_files(process):
    return len(os.listdir("/proc/%d/fd" % process.pid))


def memory_kib(process):
    with open("/proc/%d/status" % process.pid) as file:
        return int([line.split()[1] for line in file if line.startswith("VmRSS:")][0])


class Victim:
    """This file as a client in a process of its own, with streams of all kinds under way."""

    def __init__(self, server, name):
        self.process = subprocess.Popen([sys.executable, "-B", "-P", __file__, REELRANK, CLIENT, server.address, name],
                                        stdout=subprocess.PIPE, env=dict(os.environ))
        line = self.process.stdout.readline()
        assert line == b"streaming\n", line

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()


def be_a_client(address, name):
    """Streams without reading answers, but for the first."""
    api = Api(grpc.insecure_channel(address))
    feeds = [Feed(), Feed(), Feed()]
    for feed in feeds:
        feed.queue.maxsize = 50  # what does not go out must not fill this process
    signals = api.StreamSignals(iter(feeds[0]))
    ranks = api.RankStream(iter(feeds[1]))
    api.stub("UploadSignals").future(iter(feeds[2]))
    export = api.ExportUser(user_id="many")
    ranking = api.request("Rank", locale="hi-IN", candidate_ids=["v1"] * 500)
    number = 0
    while True:
        feeds[0].put(api.request("StreamSignals", batch_id=number, signals=batch(name, number)))
        feeds[1].put(api.request("RankStream", correlation_id=number, request=ranking))
        feeds[2].put(api.request("UploadSignals", signals=batch(name + "u", number)))
        if number == 0:
            next(signals), next(ranks), next(export)
            print("streaming", flush=True)
        number += 1


def fill_user(api):
    for first in range(0, 20000, 1000):
        record(api, *[new_signal("LIKE", user_id="many", event_id="m%d" % (first + i)) for i in range(1000)])


@case
def clients_that_vanish_amid_streams_leave_nothing_behind(place):
    with Server(place, "--journal-share-ppm", 0) as server:  # the journal opens a file whenever it keeps something
        upsert(server.api, video("v1"))
        fill_user(server.api)
        files = open_files(server.process)
        for turn in range(3):
            victims = [Victim(server, "c%d.%d" % (turn, i)) for i in range(3)]
            for victim in victims:
                victim.end(signal.SIGKILL)
            equal(["v1"], [item.video_id for item in rank(server.api, ["v1"]).slate])
        eventually(lambda: open_files(server.process) <= files)
        # What the writer had of theirs it writes.
        eventually(lambda: server.api.GetStatus().state_sequence == shares(server.api) + 20000 + 1)
        sequence = record(server.api, *batch("after", 0)).state_sequence
    with Server(place) as server:
        equal((sequence, sequence - 20001), (server.api.GetStatus().state_sequence, shares(server.api)))


@case
def clients_that_stop_reading_hold_up_nobody_and_not_the_end(place):
    """Their connections stay open; what they are owed is bounded."""
    with Server(place, "--drain-ms", 500) as server:
        upsert(server.api, video("v1"))
        fill_user(server.api)
        victims = [Victim(server, "c%d" % i) for i in range(4)]
        for victim in victims:
            victim.process.send_signal(signal.SIGSTOP)
        before = memory_kib(server.process)
        for number in range(200):
            record(server.api, *batch("others", number))
            equal(["v1"], [item.video_id for item in rank(server.api, ["v1"]).slate])
        assert memory_kib(server.process) < before + 100 * 1024, (before, memory_kib(server.process))
        server.stop()
        server.killed = True  # it has ended
        for victim in victims:
            victim.end(signal.SIGKILL)
    with Server(place) as server:
        equal(50, server.api.RecordSignals(signals=batch("others", 199)).duplicate)


if sys.argv[2:3] == [CLIENT]:
    be_a_client(*sys.argv[3:])
run()
