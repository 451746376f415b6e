#!/usr/bin/env python3
"""Ranks the videos whose ids come on standard input, with a stock gRPC client: no generated code, the
server describes itself.

  python3 examples/rank.py HOST:PORT [USER] [LOCALE] [--tls-ca FILE [--tls-cert FILE --tls-key FILE]]
      [--token-file FILE] < IDS

Needs Debian's python3-grpcio and python3-protobuf.
"""
import argparse
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


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def open_channel(arguments):
    """With TLS when a CA is given; its certificate must be for the host of the address."""
    if arguments.tls_ca is None:
        return grpc.insecure_channel(arguments.address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read_file(arguments.tls_ca),
        private_key=arguments.tls_key and read_file(arguments.tls_key),
        certificate_chain=arguments.tls_cert and read_file(arguments.tls_cert),
    )
    return grpc.secure_channel(arguments.address, credentials)


def metadata_of(arguments):
    """The header that each call shows, reflection's too."""
    if arguments.token_file is None:
        return []
    return [("authorization", "Bearer " + read_file(arguments.token_file).decode().strip())]


def fetch_pool(channel, symbol, metadata):
    """Asks the server's reflection for the files that define symbol."""
    request = bytes([0x22, len(symbol)]) + symbol.encode()  # file_containing_symbol = 4
    call = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    response = next(call(iter([request]), timeout=5, metadata=metadata))
    pool = descriptor_pool.DescriptorPool()
    for number, value in read_fields(response):
        if number == 4:  # file_descriptor_response
            for _, file_bytes in read_fields(value):
                pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file_bytes))
    return pool


def message_class(pool, name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))


def parse_arguments():
    parser = argparse.ArgumentParser(description="Ranks the videos whose ids come on standard input.")
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("user", nargs="?", default="user-hi")
    parser.add_argument("locale", nargs="?", default="hi-IN")
    parser.add_argument("--tls-ca", metavar="FILE", help="CAs to trust; without it the connection is plaintext")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate to show")
    parser.add_argument("--tls-key", metavar="FILE", help="its key")
    parser.add_argument("--token-file", metavar="FILE", help="token to show")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    metadata = metadata_of(arguments)
    with open_channel(arguments) as channel:
        pool = fetch_pool(channel, "reelrank.v1.RankingService", metadata)
        RankRequest = message_class(pool, "reelrank.v1.RankRequest")
        RankResponse = message_class(pool, "reelrank.v1.RankResponse")
        rank = channel.unary_unary(
            "/reelrank.v1.RankingService/Rank",
            request_serializer=RankRequest.SerializeToString,
            response_deserializer=RankResponse.FromString,
        )
        request = RankRequest(user_id=arguments.user, locale=arguments.locale, age_years=25)
        request.candidate_ids.extend(line.strip() for line in sys.stdin if line.strip())
        response = rank(request, timeout=5, metadata=metadata)
    for video in response.slate:
        print(f"{video.position:3} {video.score:9.4f}  {video.video_id}")
    for video in response.dropped:
        print(f"  - {video.rule:>15}  {video.video_id}")
    print(f"state {response.state_sequence}, weights {response.weights_version}")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"rank.py: {error.code().name}: {error.details()}")
