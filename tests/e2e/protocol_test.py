"""The real server as gRPC clients and tools meet it: deadlines, limits, errors, health, reflection."""

import threading
import time

import grpc

from client import (PACKAGE, REFLECTION, TIMEOUT, Api, Feed, Server, equal, eventually, fails, fetch_files, fields,
                    list_services, new_signal, number, rank, record, reflect, schema_class, text, upsert, video)
from runner import case, run

CODE = grpc.StatusCode
SERVICES = sorted([PACKAGE + name + "Service" for name in ("Ranking", "Signal", "Catalog", "User", "Admin")]
                  + REFLECTION + ["grpc.health.v1.Health"])
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def is_well(api):
    equal(["v1"], [ranked.video_id for ranked in rank(api, ["v1"]).slate])


@case
def an_expired_deadline_is_told_and_leaves_the_server_well(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        request = api.request("Rank", locale="hi-IN", candidate_ids=["v1"] * 2000)
        signals = api.request("RecordSignals", signals=[new_signal("LIKE", time_ms=i + 1) for i in range(1000)])
        for call, message in ((api.stub("Rank"), request), (api.stub("RecordSignals"), signals)):
            fails(CODE.DEADLINE_EXCEEDED, lambda: call(message, timeout=-1))  # 0 rounds up to a millisecond
        codes = set()
        for timeout_us in range(50, 5000, 25):  # somewhere between too short and long enough
            call = api.stub("RecordSignals").future(signals, timeout=timeout_us / 1e6)
            codes.add(call.code())
        assert codes <= {CODE.OK, CODE.DEADLINE_EXCEEDED}, codes
        response = api.RecordSignals(signals=signals.signals)
        equal((1000, 0), (response.accepted + response.duplicate, response.rejected))
        equal(1001, api.GetStatus().state_sequence)
        is_well(api)


@case
def a_stream_that_waits_ends_at_its_deadline(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        for name in ("RankStream", "StreamSignals", "UploadSignals"):
            feed = Feed()
            fails(CODE.DEADLINE_EXCEEDED, lambda: api.stub(name)(iter(feed), timeout=0.05))
            feed.end()
        is_well(api)


@case
def calls_cancelled_midway_leave_the_server_well(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        for i in range(50):
            feeds = {name: Feed() for name in ("RankStream", "StreamSignals", "UploadSignals")}
            calls = [api.RankStream(iter(feeds["RankStream"])), api.StreamSignals(iter(feeds["StreamSignals"])),
                     api.stub("UploadSignals").future(iter(feeds["UploadSignals"])),
                     api.stub("RecordSignals").future(api.request("RecordSignals", signals=[new_signal("LIKE")]))]
            for name, feed in feeds.items():
                feed.put(api.request(name))
            if i % 2:
                next(calls[0])
                next(calls[1])
            for call in calls:
                call.cancel()
            for feed in feeds.values():
                feed.end()
        is_well(api)


@case
def bytes_that_do_not_decode_are_invalid(place):
    with Server(place) as server:
        for name in ("Rank", "RecordSignals", "UpsertVideos", "DeleteVideos", "GetVideos", "ListVideos", "GetUser",
                     "CheckWeights", "GetStatus"):
            call = server.api.stub(name, raw=True)
            for bad in (b"\xff", b"\x0a\x05ab", b"\x0a", b"\x00\x00", b"\x0a\xff\xff\xff\xff\x0f"):
                details = fails(CODE.INVALID_ARGUMENT, lambda: call(bad, timeout=TIMEOUT))
                assert PACKAGE + name in details, details
        for name in ("RankStream", "StreamSignals", "UploadSignals"):
            call = server.api.stub(name, raw=True)
            fails(CODE.INVALID_ARGUMENT, lambda: call(iter([b"\xff"]), timeout=TIMEOUT))


@case
def a_message_above_the_limit_is_refused(place):
    with Server(place) as server:
        api = server.api
        upsert(api, video("v1"))
        longest = 4194304
        fill = lambda size: text(1, b"x" * (size - 5))  # request_id; its tag and length take 5 bytes
        call = api.stub("Rank", raw=True)
        assert "request_id" in fails(CODE.INVALID_ARGUMENT, lambda: call(fill(longest), timeout=TIMEOUT))
        fails(CODE.RESOURCE_EXHAUSTED, lambda: call(fill(longest + 1), timeout=TIMEOUT))
        for name in ("RankStream", "StreamSignals", "UploadSignals"):
            stream = Api(server.channel()).stub(name, raw=True)  # too many such bytes close a connection
            fails(CODE.RESOURCE_EXHAUSTED, lambda: stream(iter([fill(longest + 1)]), timeout=TIMEOUT))
        try:
            Api(server.channel()).stub("Rank", raw=True)(fill(5 * longest), timeout=TIMEOUT)
            raise AssertionError("a request of 20 MiB went well")
        except grpc.RpcError as error:
            assert error.code() in (CODE.RESOURCE_EXHAUSTED, CODE.UNAVAILABLE), error
        is_well(api)


@case
def the_message_limit_is_an_option(place):
    with Server(place, "--max-message-bytes", 1024) as server:
        upsert(server.api, video("v1"))
        fails(CODE.RESOURCE_EXHAUSTED, lambda: rank(server.api, ["v" * 100] * 20))
        is_well(server.api)


@case
def a_request_that_decodes_to_too_much_is_refused(place):
    """Two bytes on the wire make a message in memory."""
    with Server(place) as server:
        upsert(server.api, video("v1"))
        for name, field in (("Rank", 7), ("RecordSignals", 1), ("UpsertVideos", 1)):
            call = server.api.stub(name, raw=True)
            fails(CODE.RESOURCE_EXHAUSTED, lambda: call(text(field, b"") * 2000000, timeout=TIMEOUT))
        is_well(server.api)


@case
def unknown_methods_are_unimplemented_at_once(place):
    with Server(place) as server:
        channel = server.channel()
        names = ["/reelrank.v1.RankingService/Nope", "/reelrank.v2.RankingService/Rank", "/nope", "/a/b/c", "//"]
        for name in names:
            start = time.monotonic()
            details = fails(CODE.UNIMPLEMENTED, lambda: channel.unary_unary(name)(b"", timeout=TIMEOUT))
            assert time.monotonic() - start < 5, "took too long"
            assert name in details, details
        stream = channel.stream_stream("/reelrank.v1.RankingService/Nope")
        fails(CODE.UNIMPLEMENTED, lambda: stream(iter([b""] * 3), timeout=TIMEOUT))
        calls = [channel.unary_unary(names[0]).future(b"", timeout=TIMEOUT) for _ in range(300)]
        equal({CODE.UNIMPLEMENTED}, {call.code() for call in calls})


@case
def methods_of_this_version_answer(place):
    with Server(place) as server:
        for name in ("GetStatus", "CheckWeights", "GetWeights", "ListWeights", "RecordSignals", "UpsertVideos",
                     "DeleteVideos", "GetVideos", "ListVideos"):
            getattr(server.api, name)()
        status = server.api.GetStatus(state_digest=True)
        equal((0, 0, 0), (status.video_count, status.user_count, status.state_sequence))
        assert len(bytes.fromhex(status.state_digest)) == 8 and status.build_version, status
        assert abs(status.started_ms - time.time() * 1000) < 600000, status
        equal("", server.api.GetStatus().state_digest)


@case
def status_counts_what_is_there(place):
    with Server(place) as server:
        upsert(server.api, *[video("v%d" % i) for i in range(5)])
        server.api.DeleteVideos(video_ids=["v0"])
        record(server.api, new_signal("LIKE", user_id="a"), new_signal("LIKE", user_id="b"))
        status = server.api.GetStatus()
        equal((4, 2, 8, 1, 2), (status.video_count, status.user_count, status.state_sequence,
                                status.log_first_sequence, status.event_id_count))
        equal(1048576, status.event_id_window)
        assert 0 < status.store_bytes < status.store_budget_bytes == 16 << 30, status


# Health: raw bytes, as the protocol's documents define them.


def health(channel, method, service, timeout=TIMEOUT):
    if method == "Check":
        return channel.unary_unary("/grpc.health.v1.Health/Check")(text(1, service), timeout=timeout)
    return channel.unary_stream("/grpc.health.v1.Health/Watch")(text(1, service), timeout=timeout)


@case
def health_check_knows_the_services(place):
    with Server(place) as server:
        channel = server.channel()
        for service in ["", *[name for name in SERVICES if name.startswith(PACKAGE)]]:
            equal(number(1, SERVING), health(channel, "Check", service))
        assert "Nope" in fails(CODE.NOT_FOUND, lambda: health(channel, "Check", "reelrank.v1.Nope"))


@case
def health_watch_tells_of_the_end(place):
    with Server(place) as server:
        channel = server.channel()
        watched = [health(channel, "Watch", service) for service in ("", "reelrank.v1.SignalService")]
        unknown = health(channel, "Watch", "nope")
        for watch in watched:
            equal(number(1, SERVING), next(watch))
        equal(number(1, SERVICE_UNKNOWN), next(unknown))
        server.terminate()
        for watch in watched:
            equal(number(1, NOT_SERVING), next(watch))
            fails(CODE.UNAVAILABLE, lambda: watch)
        fails(CODE.UNAVAILABLE, lambda: unknown)
        equal(0, server.wait())


@case
def many_watchers_are_all_told(place):
    with Server(place, "--max-streams", 1000) as server:
        channel = server.channel()
        watched = [health(channel, "Watch", "") for _ in range(500)]
        equal([number(1, SERVING)] * 500, [next(watch) for watch in watched])
        for watch in watched[:100]:
            watch.cancel()
        rank(server.api, [])
        server.terminate()
        equal([number(1, NOT_SERVING)] * 400, [next(watch) for watch in watched[100:]])
        equal(0, server.wait())


# Reflection.


@case
def reflection_lists_and_resolves_everything(place):
    with Server(place) as server:
        channel = server.channel()
        for version in REFLECTION:
            equal(SERVICES, sorted(list_services(channel, version)))
            files = {}
            for service in SERVICES:
                files.update(fetch_files(channel, service, version))
            for name, file in files.items():
                assert set(file.dependency) <= set(files), file
                for symbol in [*file.message_type, *file.enum_type, *file.service]:
                    assert name in fetch_files(channel, "%s.%s" % (file.package, symbol.name), version), symbol.name
                [(kind, answer)] = reflect(channel, version, text(3, name))
                assert kind == 4 and file.SerializeToString() in [data for _, data in fields(answer)], name
            [(kind, error)] = reflect(channel, version, text(4, "reelrank.v1.Nope"))
            equal((7, CODE.NOT_FOUND.value[0]), (kind, dict(fields(error))[1]))


@case
def reflection_sends_back_what_is_a_message(place):
    asked = text(4, "reelrank.v1.Nope")
    newer = text(99, "of a later version")
    zero = b"\x80\x00\x61"  # a field with the number 0, in more bytes than it needs
    with Server(place) as server:
        channel = server.channel()
        for version in REFLECTION:
            call = channel.stream_stream("/%s/ServerReflectionInfo" % version)
            [answer] = call(iter([asked + newer]), timeout=TIMEOUT)
            equal(asked + newer, dict(fields(answer))[2])
            for name, request in (("request", asked + zero),
                                  ("file_containing_extension", text(5, text(1, "reelrank.v1.Video") + zero))):
                told = fails(CODE.INVALID_ARGUMENT, lambda: call(iter([request]), timeout=TIMEOUT))
                equal("%s has a field with the number 0, which protobuf does not allow" % name, told)


@case
def reflected_files_make_the_contracts_classes(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        for name in ("Video", "RankResponse", "Signal", "GetStatusResponse"):
            equal("reelrank.v1." + name, schema_class(name).DESCRIPTOR.full_name)
        is_well(server.api)


# Many at once.


@case
def streams_and_calls_share_one_connection(place):
    with Server(place, "--workers", 1, "--max-streams", 200) as server:
        api = server.api
        upsert(api, video("v1"))
        feeds = [Feed() for _ in range(100)]
        streams = [api.RankStream(iter(feed)) for feed in feeds]
        request = {"locale": "hi-IN", "age_years": 25, "candidate_ids": ["v1"]}
        for round_ in range(3):
            for i, feed in enumerate(feeds):
                feed.put(api.request("RankStream", correlation_id=i * 10 + round_, request=request))
            is_well(api)
            equal([i * 10 + round_ for i in range(100)], [next(stream).correlation_id for stream in streams])
        for feed, stream in zip(feeds, streams):
            feed.end()
            equal([], list(stream))


@case
def ranks_during_writes_see_whole_batches(place):
    """Batches add 10 to the sequence; no reader may see part of one."""
    with Server(place) as server:
        upsert(server.api, video("v1"))
        stop = threading.Event()
        seen = []

        def read():
            api = Api(server.channel())
            while not stop.is_set():
                seen.append(rank(api, ["v1"]).state_sequence)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for i in range(100):
            record(server.api, *[new_signal("LIKE", time_ms=1 + 10 * i + j) for j in range(10)])
        eventually(lambda: 1001 in seen[-2:])
        stop.set()
        for reader in readers:
            reader.join(TIMEOUT)
        equal(set(), {sequence for sequence in seen if sequence % 10 != 1})


run()
