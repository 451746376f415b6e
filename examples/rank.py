#!/usr/bin/env python3
"""Ranks the videos whose ids come on standard input, with a stock gRPC client: no generated code, the
server describes itself.

  python3 examples/rank.py HOST:PORT [USER] [LOCALE] < IDS

Needs Debian's python3-grpcio and python3-protobuf.
"""
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def read_fields(data):
    """Yields (number, value) of a message's length-delimited and varint fields."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            yield tag >> 3, varint()


def fetch_pool(channel, symbol):
    """Asks the server's reflection for the files that define symbol."""
    request = bytes([0x22, len(symbol)]) + symbol.encode()  # file_containing_symbol = 4
    call = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    response = next(call(iter([request])))
    pool = descriptor_pool.DescriptorPool()
    for number, value in read_fields(response):
        if number == 4:  # file_descriptor_response
            for _, file_bytes in read_fields(value):
                pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file_bytes))
    return pool


def message_class(pool, name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))


def main():
    address = sys.argv[1]
    user = sys.argv[2] if len(sys.argv) > 2 else "user-hi"
    locale = sys.argv[3] if len(sys.argv) > 3 else "hi-IN"
    with grpc.insecure_channel(address) as channel:
        pool = fetch_pool(channel, "reelrank.v1.RankingService")
        RankRequest = message_class(pool, "reelrank.v1.RankRequest")
        RankResponse = message_class(pool, "reelrank.v1.RankResponse")
        rank = channel.unary_unary(
            "/reelrank.v1.RankingService/Rank",
            request_serializer=RankRequest.SerializeToString,
            response_deserializer=RankResponse.FromString,
        )
        request = RankRequest(user_id=user, locale=locale, age_years=25)
        request.candidate_ids.extend(line.strip() for line in sys.stdin if line.strip())
        response = rank(request, timeout=1)
    for video in response.slate:
        print(f"{video.position:3} {video.score:9.4f}  {video.video_id}")
    for video in response.dropped:
        print(f"  - {video.rule:>15}  {video.video_id}")
    print(f"state {response.state_sequence}, weights {response.weights_version}")


if __name__ == "__main__":
    main()
