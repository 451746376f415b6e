"""End-to-end tests of the gRPC server with the stock Python client, against echo_server.

Use: rpc_test.py ECHO_SERVER. Prints "ok NAME" or "FAILED NAME" for each test. No generated code: messages
are encoded by hand.
"""

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import grpc

SERVER = os.path.abspath(sys.argv[1])
TIMEOUT = 30  # seconds; a watchdog, not a duration anything waits for


# The wire format.


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def fields(message):
    """Decodes to a list of (field number, int or bytes)."""
    out, at = [], 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = take()
        if key & 7 == 0:
            out.append((key >> 3, take()))
        elif key & 7 == 2:
            size = take()
            out.append((key >> 3, message[at : at + size]))
            at += size
        else:
            raise ValueError("unexpected wire type %d" % (key & 7))
    return out


def field(message, wanted, default=None):
    return next((value for n, value in fields(message) if n == wanted), default)


def new_signal(event_id):
    return text(1, event_id) + text(2, "user") + text(3, "video") + number(4, 1) + number(5, 1)


# The server under test.


class Server:
    def __init__(self, workers=2, drain_ms=5000):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.errors = open(os.path.join(self.folder.name, "stderr"), "w+")
        self.process = subprocess.Popen(
            [SERVER, os.path.join(self.folder.name, "data"), str(workers), str(drain_ms)],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        line = self.process.stdout.readline().split()
        if line[:2] != ["listening", "on"]:
            raise RuntimeError("server did not start: %r %s" % (line, self.stderr()))
        self.address = line[2]
        self.channels = []

    def channel(self):
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_retries", 0),
        ]
        channel = grpc.insecure_channel(self.address, options=options)
        self.channels.append(channel)
        return channel

    def stderr(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        """The exit code; kills a server that hangs."""
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "hang"

    def stop(self):
        for channel in self.channels:
            channel.close()
        if self.process.poll() is None:
            self.terminate()
        code = self.wait()
        errors = self.stderr()
        self.process.stdout.close()
        self.errors.close()
        self.folder.cleanup()
        if code != 0:
            raise AssertionError("server's exit code %s: %s" % (code, errors[-4000:]))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            for channel in self.channels:
                channel.close()
            self.process.kill()
            self.process.wait()
            sys.stderr.write(self.stderr())


class Stub:
    """Calls by name on raw bytes."""

    def __init__(self, channel, service="reelrank.v1."):
        self.channel = channel
        self.service = service

    def unary(self, method):
        return self.channel.unary_unary("/" + self.service + method)

    def client_stream(self, method):
        return self.channel.stream_unary("/" + self.service + method)

    def server_stream(self, method):
        return self.channel.unary_stream("/" + self.service + method)

    def bidi(self, method):
        return self.channel.stream_stream("/" + self.service + method)


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


def equal(want, got):
    if want != got:
        raise AssertionError("want %r, got %r" % (want, got))


def fails(code, call, *args, **kwargs):
    """Runs a call that must fail with code; returns its message."""
    try:
        result = call(*args, timeout=kwargs.pop("timeout", TIMEOUT), **kwargs)
        if hasattr(result, "__next__"):
            list(result)
    except grpc.RpcError as error:
        equal(code, error.code())
        return error.details()
    raise AssertionError("the call went well; expected %s" % code)


def eventually(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("never came true")
        time.sleep(0.001)


RANK = "RankingService/Rank"
RANK_STREAM = "RankingService/RankStream"
RECORD = "SignalService/RecordSignals"
STREAM = "SignalService/StreamSignals"
UPLOAD = "SignalService/UploadSignals"
EXPORT = "UserService/ExportUser"
DIFF = "AdminService/DiffWeights"


# Calls.


def unary_call_is_answered():
    with Server() as server:
        call = Stub(server.channel()).unary(RANK)
        for size in (0, 1, 5500, 100000, 4 << 20):
            request = text(2, "u" * (size - 6)) if size > 100 else text(2, "u" * size)
            equal(request, call(request, timeout=TIMEOUT))


def status_becomes_a_canonical_code_with_its_message():
    codes = [
        (1, grpc.StatusCode.INVALID_ARGUMENT),
        (2, grpc.StatusCode.NOT_FOUND),
        (3, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (4, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (5, grpc.StatusCode.DATA_LOSS),
        (6, grpc.StatusCode.INTERNAL),
        (7, grpc.StatusCode.UNAVAILABLE),
        (8, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (9, grpc.StatusCode.DEADLINE_EXCEEDED),
        (10, grpc.StatusCode.UNIMPLEMENTED),
        (11, grpc.StatusCode.PERMISSION_DENIED),
    ]
    with Server() as server:
        call = Stub(server.channel()).unary(RANK)
        for status, code in codes:
            details = fails(code, call, text(1, str(status)))
            if not details.startswith("asked to fail: ") or not details.endswith("\u20ac"):
                raise AssertionError(details)


def undecodable_request_is_invalid():
    with Server() as server:
        stub = Stub(server.channel())
        want = "request is not a valid reelrank.v1.RankRequest"
        for bad in (b"\xff", b"\x0a\x05ab", b"\x0a", b"\x00\x00"):
            equal(want, fails(grpc.StatusCode.INVALID_ARGUMENT, stub.unary(RANK), bad))
        details = fails(grpc.StatusCode.INVALID_ARGUMENT, stub.bidi(RANK_STREAM), iter([b"\xff"]))
        equal("request is not a valid reelrank.v1.RankStreamRequest", details)
        details = fails(grpc.StatusCode.INVALID_ARGUMENT, stub.server_stream(EXPORT), b"\xff")
        equal("request is not a valid reelrank.v1.ExportUserRequest", details)


def unknown_methods_are_unimplemented():
    with Server() as server:
        channel = server.channel()
        stub = Stub(channel)
        code = grpc.StatusCode.UNIMPLEMENTED
        details = fails(code, stub.unary("RankingService/Nope"), b"")
        equal("this server does not have the method /reelrank.v1.RankingService/Nope", details)
        fails(code, stub.unary("UserService/GetUser"), b"")
        fails(code, stub.bidi("Nope/Nope"), iter([b"", b""]))
        fails(code, Stub(channel, "").unary("x" * 5000), b"")
        futures = [stub.unary("Nope/Nope").future(b"", timeout=TIMEOUT) for _ in range(200)]
        equal({code}, {future.code() for future in futures})


def request_above_the_limit_is_refused():
    with Server() as server:
        request = text(2, "u" * (4 << 20))
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        # Each on a connection of its own: one that brings three of them may be closed.
        fails(code, Stub(server.channel()).unary(RANK), request)
        fails(code, Stub(server.channel()).bidi(RANK_STREAM), iter([request]))
        fails(code, Stub(server.channel()).client_stream(UPLOAD), iter([request]))
        fails(code, Stub(server.channel()).server_stream(EXPORT), request)
        equal(b"", Stub(server.channel()).unary(RANK)(b"", timeout=TIMEOUT))


def request_that_decodes_to_too_much_is_refused():
    with Server() as server:
        call = Stub(server.channel()).unary(RANK)
        request = text(7, b"") * (1 << 20)
        details = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, call, request)
        equal("the request takes more memory than one call may have", details)


def compressed_request_is_unimplemented():
    with Server() as server:
        call = Stub(server.channel()).unary(RANK)
        request = text(2, "u" * 1000)
        details = fails(
            grpc.StatusCode.UNIMPLEMENTED, call, request, compression=grpc.Compression.Gzip
        )
        equal("compressed messages are not accepted", details)


def client_stream_is_answered_once():
    with Server() as server:
        call = Stub(server.channel()).client_stream(UPLOAD)
        batches = [
            b"".join(text(1, new_signal("%d.%d" % (i, j))) for j in range(3)) for i in range(20)
        ]
        equal(60, field(call(iter(batches), timeout=TIMEOUT), 1))
        equal(b"", call(iter([]), timeout=TIMEOUT))


def server_stream_sends_all():
    with Server() as server:
        call = Stub(server.channel()).server_stream(EXPORT)
        for count in (0, 1, 5000):
            equal([b""] * count, list(call(text(1, str(count)), timeout=TIMEOUT)))


def server_stream_may_take_turns_without_a_message():
    with Server() as server:
        call = Stub(server.channel()).server_stream(EXPORT)
        for count in (0, 1, 1000):
            equal([b""] * count, list(call(text(1, "+%d" % count), timeout=TIMEOUT)))


def turns_without_a_message_let_others_in():
    with Server(workers=1) as server:
        stub = Stub(server.channel())
        streams = [stub.server_stream(EXPORT)(text(1, "spin"), timeout=TIMEOUT) for _ in range(10)]
        for _ in range(100):
            equal(text(2, "u"), stub.unary(RANK)(text(2, "u"), timeout=TIMEOUT))
        for stream in streams[1:]:
            stream.cancel()
        equal([b""] * 3, list(stub.server_stream(EXPORT)(text(1, "3"), timeout=TIMEOUT)))
        # The first is left spinning: it must not keep the server from ending.


def bidi_stream_answers_in_order():
    with Server() as server:
        call = Stub(server.channel()).bidi(RANK_STREAM)
        requests = [number(1, i + 100) for i in range(1000)]
        equal(requests, list(call(iter(requests), timeout=TIMEOUT)))
        equal([], list(call(iter([]), timeout=TIMEOUT)))


def bidi_stream_ends_at_a_failure():
    with Server() as server:
        call = Stub(server.channel()).bidi(RANK_STREAM)
        feed = Feed()
        answers = call(iter(feed), timeout=TIMEOUT)
        for i in (1, 2):
            feed.put(number(1, i))
            equal(number(1, i), next(answers))
        feed.put(number(1, 13))
        equal("unlucky", fails(grpc.StatusCode.NOT_FOUND, lambda timeout: answers))
        feed.end()


def written_signals_are_acknowledged():
    with Server() as server:
        stub = Stub(server.channel())
        request = b"".join(text(1, new_signal("a%d" % i)) for i in range(256))
        equal(256, field(stub.unary(RECORD)(request, timeout=TIMEOUT), 2))
        requests = [number(1, i + 1) + text(2, new_signal("b%d" % i)) for i in range(50)]
        answers = list(stub.bidi(STREAM)(iter(requests), timeout=TIMEOUT))
        equal([i + 1 for i in range(50)], [field(a, 1) for a in answers])
        equal([1] * 50, [field(a, 3) for a in answers])


def a_thousand_calls_in_flight_are_answered():
    for workers in (1, 2):
        with Server(workers) as server:
            call = Stub(server.channel()).unary(RECORD)
            futures = [
                call.future(text(1, new_signal("e%d" % i)), timeout=TIMEOUT) for i in range(1000)
            ]
            equal(1000, sum(field(future.result(), 2) for future in futures))


def a_thousand_idle_streams_hold_no_worker():
    with Server(workers=1) as server:
        channel = server.channel()
        streams = []
        for i in range(1000):
            stream = Stub(channel).server_stream(EXPORT)(text(1, "wait"), timeout=TIMEOUT)
            equal(b"", next(stream))
            streams.append(stream)
        equal(b"x" and text(2, "u"), Stub(channel).unary(RANK)(text(2, "u"), timeout=TIMEOUT))
        Stub(channel).unary("AdminService/GetStatus")(b"", timeout=TIMEOUT)
        for stream in streams:
            equal(b"", next(stream))
            stream.cancel()


def waiting_stream_goes_on_at_a_wake():
    with Server() as server:
        channel = server.channel()
        stream = Stub(channel).server_stream(EXPORT)(text(1, "wait"), timeout=TIMEOUT)
        wake = Stub(channel).unary("AdminService/GetStatus")
        got = queue.Queue()

        def read():
            try:
                for message in stream:
                    got.put(message)
            except grpc.RpcError as error:
                got.put(error.code())

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(20):
            while got.empty():
                wake(b"", timeout=TIMEOUT)
            equal(b"", got.get())
        stream.cancel()
        reader.join()


# Deadlines and cancellation.


def deadline_ends_every_kind_of_call():
    with Server() as server:
        stub = Stub(server.channel())
        code = grpc.StatusCode.DEADLINE_EXCEEDED
        feeds = [Feed() for _ in range(3)]
        fails(code, stub.unary(RANK), b"", timeout=-1)
        fails(code, stub.server_stream(EXPORT), text(1, "wait"), timeout=0.05)
        fails(code, stub.bidi(RANK_STREAM), iter(feeds[0]), timeout=0.05)
        fails(code, stub.bidi(STREAM), iter(feeds[1]), timeout=0.05)
        fails(code, stub.client_stream(UPLOAD), iter(feeds[2]), timeout=0.05)
        for feed in feeds:
            feed.end()
        equal(b"", stub.unary(RANK)(b"", timeout=TIMEOUT))


def cancelled_calls_leave_nothing_behind():
    with Server() as server:
        channel = server.channel()
        stub = Stub(channel)
        signals = b"".join(text(1, new_signal("c%d" % i)) for i in range(100))
        for round_number in range(100):
            feeds = [Feed() for _ in range(3)]
            calls = [
                stub.unary(RANK).future(text(2, "u" * 1000)),
                stub.unary(RECORD).future(signals),
                stub.server_stream(EXPORT)(text(1, "100000")),
                stub.server_stream(EXPORT)(text(1, "wait")),
                stub.bidi(RANK_STREAM)(iter(feeds[0])),
                stub.bidi(STREAM)(iter(feeds[1])),
                stub.client_stream(UPLOAD).future(iter(feeds[2])),
            ]
            for feed in feeds:
                feed.put(b"")
            if round_number % 2:
                next(calls[2])
                next(calls[3])
                next(calls[4])
                next(calls[5])
            if round_number % 3 == 0:
                stub.unary("AdminService/GetStatus").future(b"")
            for call in calls:
                call.cancel()
            for feed in feeds:
                feed.end()
        equal(b"", stub.unary(RANK)(b"", timeout=TIMEOUT))


def long_unary_call_is_answered_after_its_turns():
    with Server() as server:
        stub = Stub(server.channel())
        calls = [stub.unary(DIFF).future(number(3, 1000 + i), timeout=TIMEOUT) for i in range(20)]
        for call in calls:
            assert 1 <= field(call.result(), 1) <= 20
        equal(number(1, 1), stub.unary(DIFF)(b"", timeout=TIMEOUT))


def long_unary_call_ends_when_its_client_is_gone():
    with Server() as server:
        stub = Stub(server.channel())
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, stub.unary(DIFF), text(2, "spin"), timeout=0.05)
        calls = [stub.unary(DIFF).future(text(2, "spin")) for _ in range(5)]
        equal(b"", stub.unary(RANK)(b"", timeout=TIMEOUT))
        for call in calls:
            call.cancel()
        eventually(lambda: stub.unary(DIFF)(b"", timeout=TIMEOUT) == number(1, 1))


def long_unary_call_is_told_of_the_drain():
    with Server() as server:
        stub = Stub(server.channel())
        call = stub.unary(DIFF).future(text(2, "spin"), timeout=TIMEOUT)
        eventually(lambda: stub.unary(DIFF)(b"", timeout=TIMEOUT) == number(1, 2))
        server.terminate()
        equal(number(1, 1), call.result())
        equal(0, server.wait())


def vanishing_client_leaves_nothing_behind():
    script = """
import grpc, os, sys
channel = grpc.insecure_channel(sys.argv[1])
signals = bytes.fromhex(sys.argv[2])
calls = []
for i in range(20):
    calls.append(channel.unary_unary("/reelrank.v1.SignalService/RecordSignals").future(signals))
    calls.append(channel.unary_stream("/reelrank.v1.UserService/ExportUser")(b"\\x0a\\x04wait"))
    calls.append(channel.unary_stream("/reelrank.v1.UserService/ExportUser")(b"\\x0a\\x069999999"))
next(calls[1])
os._exit(0)
"""
    with Server() as server:
        for i in range(5):
            signals = text(1, new_signal("v%d" % i)).hex()
            subprocess.run(
                [sys.executable, "-c", script, server.address, signals], check=True, timeout=TIMEOUT
            )
        equal(b"", Stub(server.channel()).unary(RANK)(b"", timeout=TIMEOUT))


def slow_reader_queues_nothing():
    def resident_kib(process):
        with open("/proc/%d/status" % process.pid) as status:
            return next(int(l.split()[1]) for l in status if l.startswith("VmRSS"))

    with Server(workers=1) as server:
        stub = Stub(server.channel())
        feed = Feed()
        big = number(1, 1) + text(2, text(2, "u" * (1 << 20)))
        answers = stub.bidi(RANK_STREAM)(iter(feed), timeout=TIMEOUT)
        feed.put(big)
        next(answers)
        before = resident_kib(server.process)
        for _ in range(100):
            feed.put(big)
        for _ in range(100):  # other calls go on while nobody reads
            stub.unary(RANK)(b"", timeout=TIMEOUT)
        grown = resident_kib(server.process) - before
        if grown > 64 << 10:
            raise AssertionError("the server grew by %d KiB" % grown)
        for _ in range(100):
            equal(big, next(answers))
        feed.end()


# Health and reflection.


def health_check_knows_its_services():
    with Server() as server:
        call = Stub(server.channel(), "grpc.health.v1.Health/").unary("Check")
        for service in ("", "reelrank.v1.RankingService", "reelrank.v1.AdminService"):
            equal(number(1, 1), call(text(1, service), timeout=TIMEOUT))
        fails(grpc.StatusCode.NOT_FOUND, call, text(1, "reelrank.v1.Nope"))


def health_watch_tells_of_the_drain():
    with Server(drain_ms=TIMEOUT * 1000) as server:
        channel = server.channel()
        call = Stub(channel, "grpc.health.v1.Health/").server_stream("Watch")
        known = call(text(1, "reelrank.v1.RankingService"), timeout=TIMEOUT)
        unknown = call(text(1, "nope"), timeout=TIMEOUT)
        equal(number(1, 1), next(known))
        equal(number(1, 3), next(unknown))
        Stub(channel).unary("AdminService/GetStatus")(b"", timeout=TIMEOUT)
        server.terminate()
        equal(number(1, 2), next(known))
        fails(grpc.StatusCode.UNAVAILABLE, lambda timeout: known)
        fails(grpc.StatusCode.UNAVAILABLE, lambda timeout: unknown)
        start = time.monotonic()
        equal(0, server.wait())
        if time.monotonic() - start > TIMEOUT / 2:
            raise AssertionError("watchers held up the drain")


REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
SERVICES = {
    "reelrank.v1.RankingService",
    "reelrank.v1.SignalService",
    "reelrank.v1.CatalogService",
    "reelrank.v1.UserService",
    "reelrank.v1.AdminService",
    "grpc.health.v1.Health",
    *REFLECTION,
}


def file_names(response):
    return [
        field(file, 1).decode() for n, file in fields(field(response, 4)) if n == 1
    ]


def reflection_serves_both_versions():
    with Server() as server:
        for service in REFLECTION:
            call = Stub(server.channel(), service + "/").bidi("ServerReflectionInfo")

            def ask(*request):
                [response] = call(iter([text(1, "host") + text(*request)]), timeout=TIMEOUT)
                equal("host", field(response, 1).decode())
                equal(text(1, "host") + text(*request), field(response, 2))
                return response

            listed = [field(entry, 1).decode() for _, entry in fields(field(ask(7, ""), 6))]
            equal(sorted(SERVICES), sorted(listed))
            user = ["reelrank/v1/%s.proto" % name for name in ("decision", "ranking", "signal", "user")]
            equal(user, sorted(file_names(ask(3, "reelrank/v1/user.proto"))))
            equal(user, sorted(file_names(ask(4, "reelrank.v1.UserService"))))
            equal(user, sorted(file_names(ask(4, "reelrank.v1.UserService.ExportUser"))))
            equal(["grpc/health/v1/health.proto"], file_names(ask(4, "grpc.health.v1.Health")))
            equal(5, field(field(ask(3, "nope.proto"), 7), 1))
            equal(5, field(field(ask(4, "reelrank.v1.Nope"), 7), 1))
            equal(5, field(field(ask(5, text(1, "x") + number(2, 1)), 7), 1))
            equal("reelrank.v1.Video", field(field(ask(6, "reelrank.v1.Video"), 5), 1).decode())
            equal(5, field(field(ask(6, "nope"), 7), 1))


def reflection_answers_many_on_one_stream():
    with Server() as server:
        call = Stub(server.channel(), REFLECTION[0] + "/").bidi("ServerReflectionInfo")
        requests = [text(4, name) for name in sorted(SERVICES)] * 20
        equal(len(requests), len(list(call(iter(requests), timeout=TIMEOUT))))


# The end.


def calls_in_flight_finish_during_the_drain():
    with Server(drain_ms=TIMEOUT * 1000) as server:
        channel = server.channel()
        feed = Feed()
        answers = Stub(channel).bidi(STREAM)(iter(feed), timeout=TIMEOUT)
        feed.put(number(1, 1) + text(2, new_signal("d1")))
        equal(1, field(next(answers), 1))
        server.terminate()
        # The drain has begun once a new connection is refused.
        probe = lambda: Stub(server.channel()).unary(RANK)(b"", timeout=TIMEOUT)
        eventually(lambda: refused(probe))
        feed.put(number(1, 2) + text(2, new_signal("d2")))
        equal(2, field(next(answers), 1))
        feed.end()
        equal([], list(answers))
        equal(0, server.wait())


def refused(call):
    try:
        call()
        return False
    except grpc.RpcError as error:
        # The core drops a call that races the start of a drain: CANCELLED, not refused yet.
        if error.code() == grpc.StatusCode.CANCELLED:
            return False
        equal(grpc.StatusCode.UNAVAILABLE, error.code())
        return True


def calls_that_never_end_are_cancelled_after_the_drain():
    with Server(drain_ms=50) as server:
        stub = Stub(server.channel())
        feed = Feed()
        answers = stub.bidi(RANK_STREAM)(iter(feed), timeout=TIMEOUT)
        feed.put(number(1, 1))
        equal(number(1, 1), next(answers))
        endless = stub.server_stream(EXPORT)(text(1, "4000000000"), timeout=TIMEOUT)
        next(endless)
        server.terminate()
        equal(0, server.wait())
        feed.end()


def terminated_under_load_it_always_ends_well():
    rounds = int(os.environ.get("TERMINATIONS", "50"))
    for i in range(rounds):
        with Server(workers=1 + i % 4, drain_ms=(0, 20, 5000)[i % 3]) as server:
            stop = threading.Event()
            answered = []  # grows as calls end
            threads = [
                threading.Thread(target=load, args=(server.channel(), stop, n, answered))
                for n in range(2)
            ]
            for thread in threads:
                thread.start()
            eventually(lambda: len(answered) > i % 7 * 30)
            server.terminate()
            code = server.wait()
            stop.set()
            for thread in threads:
                thread.join()
            if code != 0:
                raise AssertionError("round %d: exit code %s: %s" % (i, code, server.stderr()))


def load(channel, stop, number_of_thread, answered):
    stub = Stub(channel)
    calls = []
    signals = b"".join(text(1, new_signal("l%d.%d" % (number_of_thread, i))) for i in range(10))
    ranking = text(2, "u" * 5000)
    while not stop.is_set():
        answered.extend(call for call in calls if call.done())
        calls = [call for call in calls if not call.done()]
        if len(calls) > 100:
            stop.wait(0.0005)
            continue
        calls.append(stub.unary(RANK).future(ranking))
        calls.append(stub.unary(RECORD).future(signals))
        calls.append(stub.bidi(RANK_STREAM)(iter([number(1, 1)] * 10)))
        calls.append(stub.client_stream(UPLOAD).future(iter([signals] * 3)))
        calls.append(stub.server_stream(EXPORT)(text(1, "wait")))
        calls.append(stub.unary("Nope/Nope").future(b""))
        if len(calls) % 5 == 0:
            calls.append(stub.unary("AdminService/GetStatus").future(b""))
            calls.pop(0).cancel()
    for call in calls:
        call.cancel()


TESTS = [
    unary_call_is_answered,
    status_becomes_a_canonical_code_with_its_message,
    undecodable_request_is_invalid,
    unknown_methods_are_unimplemented,
    request_above_the_limit_is_refused,
    request_that_decodes_to_too_much_is_refused,
    compressed_request_is_unimplemented,
    client_stream_is_answered_once,
    server_stream_sends_all,
    server_stream_may_take_turns_without_a_message,
    turns_without_a_message_let_others_in,
    bidi_stream_answers_in_order,
    bidi_stream_ends_at_a_failure,
    written_signals_are_acknowledged,
    a_thousand_calls_in_flight_are_answered,
    a_thousand_idle_streams_hold_no_worker,
    waiting_stream_goes_on_at_a_wake,
    deadline_ends_every_kind_of_call,
    cancelled_calls_leave_nothing_behind,
    long_unary_call_is_answered_after_its_turns,
    long_unary_call_ends_when_its_client_is_gone,
    long_unary_call_is_told_of_the_drain,
    vanishing_client_leaves_nothing_behind,
    slow_reader_queues_nothing,
    health_check_knows_its_services,
    health_watch_tells_of_the_drain,
    reflection_serves_both_versions,
    reflection_answers_many_on_one_stream,
    calls_in_flight_finish_during_the_drain,
    calls_that_never_end_are_cancelled_after_the_drain,
    terminated_under_load_it_always_ends_well,
]


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = 0
    for test in TESTS:
        if wanted not in test.__name__:
            continue
        try:
            test()
            print("ok", test.__name__, flush=True)
        except Exception:
            traceback.print_exc()
            print("FAILED", test.__name__, flush=True)
            failed += 1
    os._exit(1 if failed else 0)  # grpc's threads may outlive a failed test


main()
