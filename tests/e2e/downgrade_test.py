"""A program that meets data of a later version: it says so, and changes nothing (docs/install.md)."""

import ctypes
import ctypes.util
import hashlib
import json

from client import Process, Server, command, equal, new_signal, record, upsert, video
from runner import case, run

READS = 3  # log format
FAILED = 1


class Value(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_char_p)]


def write_format(data, number):
    """Puts the log's format into its file, as a program of that version would."""
    lmdb = ctypes.CDLL(ctypes.util.find_library("lmdb"))
    env, txn, database = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()
    key, value = Value(6, b"format"), Value(4, number.to_bytes(4, "little"))
    no_subdirectory, no_lock = 0x4000, 0x400000
    for function, *words in [
            ("mdb_env_create", ctypes.byref(env)), ("mdb_env_set_maxdbs", env, 8),
            ("mdb_env_set_mapsize", env, ctypes.c_size_t(1 << 34)),
            ("mdb_env_open", env, str(data / "data.mdb").encode(), no_subdirectory | no_lock, 0o600),
            ("mdb_txn_begin", env, None, 0, ctypes.byref(txn)), ("mdb_dbi_open", txn, b"meta", 0, ctypes.byref(database)),
            ("mdb_put", txn, database, ctypes.byref(key), ctypes.byref(value), 0), ("mdb_txn_commit", txn)]:
        code = getattr(lmdb, function)(*words)
        assert code == 0, (function, code)
    lmdb.mdb_env_close(env)


def sums(data):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(data.glob("*.mdb"))
            if path.name != "lock.mdb"}


def status(data):
    answer = json.loads(command(0, "status", "--data", data, "--digest", "--json")[0])
    return answer["state_sequence"], answer["state_digest"]


@case
def data_of_a_later_version_are_refused_and_stay_as_they_are(place):
    with Server(place) as server:
        upsert(server.api, video("v1"))
        record(server.api, new_signal("LIKE"))
    before = status(place / "data")
    write_format(place / "data", READS + 1)
    written = sums(place / "data")
    process = Process(place)
    equal(FAILED, process.wait())
    refusal = "the log has format %d; this program reads up to %d: use a newer reelrank" % (READS + 1, READS)
    assert refusal in process.log_text(), process.log_text()
    process.release()
    for words in [["verify", "--data", place / "data"], ["backup", "--data", place / "data", place / "backup"],
                  ["status", "--data", place / "data"]]:
        assert refusal in command(FAILED, *words)[1], words
    equal(written, sums(place / "data"))
    assert not (place / "backup").exists()
    write_format(place / "data", READS)
    equal(before, status(place / "data"))


run()
