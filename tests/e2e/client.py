"""The real server, and a stock gRPC client of it.

No generated code: the message classes come from the server's own reflection, as in examples/rank.py.
"""

import os
import queue
import select
import signal
import subprocess
import sys
import time
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

REELRANK = os.path.abspath(sys.argv[1])
TIMEOUT = 60  # seconds; a watchdog, not a duration anything waits for
NOW_MS = 1700000000000  # 2023-11-14, in the past of any clock
PACKAGE = "reelrank.v1."
REFLECTION = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
CHANNEL_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own for each channel
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
]


# The wire format, for what no message class can say.


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def fields(data):
    """Yields (number, value) of a message's varint and length-delimited fields."""
    at = 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = take()
        if key & 7 == 2:
            size = take()
            yield key >> 3, data[at : at + size]
            at += size
        else:
            yield key >> 3, take()


# What the server says of itself.


def reflect(channel, service, *requests):
    """The field that answers each request to a reflection service: (number, bytes)."""
    call = channel.stream_stream("/%s/ServerReflectionInfo" % service)
    answers = call(iter(requests), timeout=TIMEOUT)
    return [[(n, value) for n, value in fields(answer) if n >= 4][0] for answer in answers]


def list_services(channel, service=REFLECTION[1]):
    [(kind, answer)] = reflect(channel, service, text(7, ""))
    assert kind == 6, "list_services_response"
    return [dict(fields(entry))[1].decode() for _, entry in fields(answer)]


def fetch_files(channel, symbol, service=REFLECTION[1]):
    """The descriptors of the file that defines symbol and of its imports, by name."""
    [(kind, answer)] = reflect(channel, service, text(4, symbol))
    assert kind == 4, "file_descriptor_response for " + symbol
    files = [descriptor_pb2.FileDescriptorProto.FromString(data) for _, data in fields(answer)]
    return {file.name: file for file in files}


class Schema:
    """Message classes and methods by their short names."""

    def __init__(self, channel):
        self.pool = descriptor_pool.DescriptorPool()
        self.factory = message_factory.MessageFactory(self.pool)
        self.files = {}
        self.methods = {}
        services = list_services(channel)
        for service in services:
            self.files.update(fetch_files(channel, service))
        added = set()
        for name in self.files:
            self.add(name, added)
        for service in services:
            if service not in REFLECTION:
                for method in self.pool.FindServiceByName(service).methods:
                    self.methods[method.name] = method

    def add(self, name, added):
        if name not in added:
            added.add(name)
            for dependency in self.files[name].dependency:
                self.add(dependency, added)
            self.pool.Add(self.files[name])

    def class_of(self, descriptor):
        return self.factory.GetPrototype(descriptor)

    def __getattr__(self, name):
        return self.class_of(self.pool.FindMessageTypeByName(PACKAGE + name))


schema = None  # the first server's


def schema_class(name):
    return getattr(schema, name)


class Api:
    """Calls by method name. Unary: api.Rank(user_id="u", ...). With a stream: api.RankStream(requests)."""

    def __init__(self, channel):
        global schema
        if schema is None:
            schema = Schema(channel)
        self.channel = channel

    def stub(self, name, raw=False):
        """The callable of a method; raw: it takes and gives bytes."""
        method = schema.methods[name]
        proto = descriptor_pb2.ServiceDescriptorProto()
        method.containing_service.CopyToProto(proto)
        streams = proto.method[method.index]
        kind = "%s_%s" % ("stream" if streams.client_streaming else "unary",
                          "stream" if streams.server_streaming else "unary")
        return getattr(self.channel, kind)(
            "/%s/%s" % (method.containing_service.full_name, name),
            None if raw else lambda message: message.SerializeToString(),
            None if raw else schema.class_of(method.output_type).FromString)

    def request(self, name, **values):
        return schema.class_of(schema.methods[name].input_type)(**values)

    def __getattr__(self, name):
        stub = self.stub(name)

        def call(requests=None, **values):
            return stub(self.request(name, **values) if requests is None else requests, timeout=TIMEOUT)

        return call


class Feed:
    """Requests of a stream, given one at a time."""

    END = object()

    def __init__(self):
        self.queue = queue.Queue()

    def __iter__(self):
        return iter(self.queue.get, Feed.END)

    def put(self, message):
        self.queue.put(message)

    def end(self):
        self.queue.put(Feed.END)


def command(code, *words):
    """Runs `reelrank WORDS...`, which must end with code; returns what it printed and what it complained of."""
    done = subprocess.run([REELRANK, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode == code, "%s: want code %d, got %r" % (words, code, done)
    return done.stdout.decode(), done.stderr.decode()


def failing(calls, failure):
    """The environment of a program in which a call to the system fails (tests/fault/calls.h). What it counts for coverage goes
    into a file of its own: that of all programs is no place for a write that fails."""
    counters = os.environ.get("LLVM_PROFILE_FILE", "").replace("%m%c", uuid.uuid4().hex)
    return {**os.environ, "LD_PRELOAD": calls, "REELRANK_FAULT_CALLS": failure, "LLVM_PROFILE_FILE": counters,
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


class Process:
    """`reelrank serve` on place/data, from its start on, whatever becomes of it.

    prefix: a command that runs it; other keywords are Popen's.
    """

    def __init__(self, place, *words, prefix=(), **popen):
        self.data = place / "data"
        self.killed = False
        self.log = open(place / "server.log", "ab+")
        self.log_start = self.log.tell()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, REELRANK, "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", *map(str, words)],
            stdout=subprocess.PIPE, stderr=self.log, **popen)

    def log_text(self):
        """The end of what this process has logged."""
        self.log.seek(self.log_start)
        return self.log.read()[-8000:].decode(errors="replace")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()

    def wait(self):
        """The exit code, or "hang" of a server that had to be killed."""
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            return "hang"

    def release(self):
        self.process.stdout.close()
        self.log.close()


def open_plaintext(address):
    return grpc.insecure_channel(address, options=CHANNEL_OPTIONS)


class Server(Process):
    """A server that listens. Unless the case kills it, it ends with SIGTERM, and its exit code must be 0.

    connect: opens a channel to an address, as channel() does.
    """

    def __init__(self, place, *words, connect=open_plaintext, **keywords):
        super().__init__(place, *words, **keywords)
        self.channels = []
        self.connect = connect
        try:
            self.address = self.read_address()
            self.api = Api(self.channel())
        except BaseException:
            self.kill()
            self.release()
            raise

    def read_address(self):
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        line = self.process.stdout.readline().decode() if ready else ""
        assert line.startswith("listening on "), "the server did not start: %r %s" % (line, self.log_text())
        return line.split()[-1]

    def channel(self, connect=None):
        channel = (connect or self.connect)(self.address)
        self.channels.append(channel)
        return channel

    def close_channels(self):
        for channel in self.channels:
            channel.close()

    def stop(self):
        self.close_channels()
        self.terminate()
        code = self.wait()
        assert code == 0, "exit code %s: %s" % (code, self.log_text())

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is not None:
                sys.stderr.write(self.log_text())
                self.kill()
            elif not self.killed:
                self.stop()
        finally:
            self.close_channels()
            self.release()


# Checks.


def equal(want, got):
    assert want == got, "want %r, got %r" % (want, got)


def fails(code, call):
    """Runs call, which must end with code; returns the message."""
    try:
        result = call()
        if hasattr(result, "__next__"):
            result = list(result)
    except grpc.RpcError as error:
        assert code == error.code(), "want %s, got %s: %s" % (code, error.code(), error.details())
        return error.details()
    raise AssertionError("want %s, got %r" % (code, result))


def eventually(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.005)


# What most cases need.


def video(video_id, **values):
    """A video that policy shows to everyone."""
    values = {"creator_id": "c-" + video_id, "languages": ["hi"], "duration_ms": 15000,
              "published_ms": NOW_MS - 86400000, "safety_rating": "SAFETY_RATING_LOW_RISK", **values}
    return schema.Video(video_id=video_id, **values)


def upsert(api, *videos):
    response = api.UpsertVideos(videos=videos)
    equal(len(videos), response.accepted)
    return response


def large_upserts(server, count):
    """Sends, each time it is called, UpsertVideos of 3.9 MB on so many connections at once, which all go well."""
    # Field 99, which no video has: the answer says so of each item.
    request = text(1, text(99, bytes(3900))) * 1000
    stubs = [server.channel().unary_unary("/reelrank.v1.CatalogService/UpsertVideos") for _ in range(count)]

    def send():
        calls = [stub.future(request, timeout=TIMEOUT) for stub in stubs]
        equal([grpc.StatusCode.OK] * count, [call.code() for call in calls])

    return send


def new_signal(kind, user_id="u1", video_id="v1", time_ms=NOW_MS, **values):
    return schema.Signal(user_id=user_id, video_id=video_id, type="SIGNAL_TYPE_" + kind, time_ms=time_ms, **values)


def record(api, *signals):
    response = api.RecordSignals(signals=signals)
    equal((len(signals), 0, 0), (response.accepted, response.duplicate, response.rejected))
    return response


def rank(api, ids, **values):
    """A grown-up of India at NOW_MS, unless told otherwise."""
    values = {"user_id": "u1", "locale": "hi-IN", "age_years": 25, "now_ms": NOW_MS, **values}
    return api.Rank(candidate_ids=ids, **values)


def ids_of(response):
    return [ranked.video_id for ranked in response.slate]


def rules_of(response):
    return {dropped.video_id: dropped.rule for dropped in response.dropped}


def statistics(api, video_id):
    [stored] = api.GetVideos(video_ids=[video_id], statistics=True).videos
    [counts] = [counts for counts in stored.statistics if counts.scope == "global"]
    return counts
