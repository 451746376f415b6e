"""Looks at an answer of Rank, so that nothing is measured that is not an answer."""

from harness import give_up


def read_varint(data, offset):
    value = shift = 0
    while True:
        byte = data[offset]
        value |= (byte & 127) << shift
        offset += 1
        shift += 7
        if byte < 128:
            return value, offset


def read_fields(data):
    """Yields (field number, value) of a protobuf message; bytes for length-delimited ones."""
    offset = 0
    while offset < len(data):
        key, offset = read_varint(data, offset)
        if key & 7 == 0:
            value, offset = read_varint(data, offset)
        elif key & 7 == 2:
            size, offset = read_varint(data, offset)
            value = data[offset : offset + size]
            offset += size
        else:
            size = 8 if key & 7 == 1 else 4
            value = data[offset : offset + size]
            offset += size
        yield key >> 3, value


def check_answer(name, data, candidates):
    """RankResponse in packed form: every candidate once in `order` (8), `score` (9) falling."""
    fields = dict(read_fields(data))
    if 10 in fields:
        give_up(f"{name}: candidates were dropped")
    order, packed, offset = [], fields.get(8, b""), 0
    while offset < len(packed):
        index, offset = read_varint(packed, offset)
        order.append(index)
    if sorted(order) != list(range(candidates)):
        give_up(f"{name}: the answer does not order all {candidates} candidates")
    scores = memoryview(fields[9]).cast("f").tolist()
    if len(scores) != candidates or any(a < b for a, b in zip(scores, scores[1:])):
        give_up(f"{name}: the scores of the answer do not fall")
