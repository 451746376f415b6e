"""What a killed server left in its directory, read with LMDB's own library and without its locks; changes nothing."""

import collections
import ctypes
import ctypes.util
import pathlib
import re
import struct

READ_ONLY, NO_LOCK, ONE_FILE = 0x20000, 0x400000, 0x4000
FIRST, NEXT = 0, 8
SIGNAL, VIDEO, RETIRE = 1, 2, 5  # kinds of records (store/record.h)
PARTIAL = ".partial"
LATELY = 100  # records
SNAPSHOT = re.compile(r"snapshot-(\d{20})\.mdb$")


class Value(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]

    def __bytes__(self):
        return ctypes.string_at(self.data, self.size)


lmdb = ctypes.CDLL(ctypes.util.find_library("lmdb"))
lmdb.mdb_env_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
lmdb.mdb_txn_begin.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p]
lmdb.mdb_dbi_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_void_p]
lmdb.mdb_cursor_open.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p]
lmdb.mdb_cursor_get.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
for name in ("mdb_cursor_close", "mdb_txn_abort", "mdb_env_close"):
    getattr(lmdb, name).argtypes = [ctypes.c_void_p]
    getattr(lmdb, name).restype = None
lmdb.mdb_env_set_maxdbs.argtypes = [ctypes.c_void_p, ctypes.c_uint]

xxhash = ctypes.CDLL(ctypes.util.find_library("xxhash"))
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
xxhash.XXH3_64bits.restype = ctypes.c_uint64


def key_of(text):
    """The key of an id, as its bytes stand in files (ranker/hash.h)."""
    return struct.pack("<Q", xxhash.XXH3_64bits(text.encode(), len(text.encode())))


class Reading:
    """One read transaction on an LMDB file."""

    def __init__(self, path):
        self.env, self.txn = ctypes.c_void_p(), ctypes.c_void_p()
        self.must(lmdb.mdb_env_create(ctypes.byref(self.env)))
        self.must(lmdb.mdb_env_set_maxdbs(self.env, 16))
        self.must(lmdb.mdb_env_open(self.env, str(path).encode(), READ_ONLY | NO_LOCK | ONE_FILE, 0))
        self.must(lmdb.mdb_txn_begin(self.env, None, READ_ONLY, ctypes.byref(self.txn)))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        lmdb.mdb_txn_abort(self.txn)
        lmdb.mdb_env_close(self.env)

    @staticmethod
    def must(code):
        assert code == 0, "LMDB says %d" % code

    def items(self, database):
        """Yields (key, value) of a database, as bytes, in order."""
        number, cursor, key, value = ctypes.c_uint(), ctypes.c_void_p(), Value(), Value()
        self.must(lmdb.mdb_dbi_open(self.txn, database.encode(), 0, ctypes.byref(number)))
        self.must(lmdb.mdb_cursor_open(self.txn, number, ctypes.byref(cursor)))
        step = FIRST
        while lmdb.mdb_cursor_get(cursor, ctypes.byref(key), ctypes.byref(value), step) == 0:
            yield bytes(key), bytes(value)
            step = NEXT
        lmdb.mdb_cursor_close(cursor)


def read_tombstones(reading):
    """(pending, how many signals were erased) by key; the layout is in store/tombstone.h."""
    return {key: (value[5] == 1, struct.unpack("<Q", value[22:30])[0]) for key, value in reading.items("forgotten")}


def amid_erasing(folder):
    """Some of a user's signals are erased, and the tombstone is pending. The server may live: then it is a guess."""
    with Reading(pathlib.Path(folder) / "data.mdb") as reading:
        return any(pending and erased > 0 for pending, erased in read_tombstones(reading).values())


class Remains:
    """The log's bounds, what it has of some ids, tombstones, snapshots, and files half made.

    user and video are patterns of bytes with one group, a number: of users to be forgotten, and of videos that nobody
    but retention writes again.
    """

    def __init__(self, folder, user, video):
        self.folder = folder
        self.first = self.last = 0
        self.signals = collections.Counter()  # by the user's number
        self.videos = {}  # by number: the sequence of the last record of it
        self.kinds = {}  # of records, by sequence
        names = [path.name for path in folder.iterdir()]
        self.snapshots = sorted(int(found.group(1)) for found in map(SNAPSHOT.match, names) if found)
        self.partials = [name[:-len(PARTIAL)] for name in names if name.endswith(PARTIAL)]
        with Reading(folder / "data.mdb") as reading:
            for key, record in reading.items("log"):
                self.take(struct.unpack("<Q", key)[0], record, user, video)
            self.tombstones = read_tombstones(reading)

    def take(self, sequence, record, user, video):
        self.first = self.first or sequence
        self.last = sequence
        self.kinds[sequence] = record[1]
        if record[1] == SIGNAL:
            found = user.search(record)
            if found:
                self.signals[int(found.group(1))] += 1
        elif record[1] == VIDEO:
            found = video.search(record)
            if found:
                self.videos[int(found.group(1))] = sequence

    def state(self):
        """What a life that did nothing leaves as it was."""
        return self.first, self.last, self.snapshots, self.partials, self.tombstones

    def snapshot_files(self):
        return [self.folder / ("snapshot-%020d.mdb" % sequence) for sequence in self.snapshots]

    def made_in_part(self):
        """A snapshot was being made."""
        return any(SNAPSHOT.match(name) and int(SNAPSHOT.match(name).group(1)) not in self.snapshots
                   for name in self.partials)

    def rewritten_in_part(self):
        """A snapshot was being written again without somebody."""
        return any(SNAPSHOT.match(name) and int(SNAPSHOT.match(name).group(1)) in self.snapshots
                   for name in self.partials)

    def adopted_in_part(self):
        """A snapshot was being put in the place of state.mdb."""
        return "state.mdb" in self.partials

    def trimmed_in_part(self):
        """Records were being removed, or had just been: older snapshots go when that is done."""
        return any(sequence + 1 < self.first for sequence in self.snapshots)

    def carried_lately(self):
        """Videos were being written again, or had just been."""
        return any(self.last - sequence < LATELY for sequence in self.videos.values())

    def kept_since(self, sequence):
        """Videos were written again behind a record, or idle ones dropped; nothing else came."""
        kinds = {kind for number, kind in self.kinds.items() if number > sequence}
        assert kinds <= {VIDEO, RETIRE}, "kinds %s behind %d" % (kinds, sequence)
        return bool(kinds)

    def erasure(self, number, key):
        """How far the erasing of a forgotten user had come, or None."""
        pending, erased = self.tombstones.get(key, (False, 0))
        if not pending:
            return None
        if self.signals[number] > 0:
            return "log" if erased > 0 else "tombstone"
        if any(key in path.read_bytes() for path in self.snapshot_files()):
            return "snapshots"
        return "scrub"
