"""Kills a process inside a write: strike.py PID FILE SECONDS [FOLDER DELAY], or strike.py PID erasing SECONDS FOLDER.

Looks at the system calls of the process's threads until one of them writes or syncs FILE (a name without its folder,
or a pattern of names, in the process's hands), and kills it with SIGKILL at once; after SECONDS it kills anyway. Prints
the call's name and the file's last LMDB transaction just before, or "None 0". With FOLDER it waits instead until there
is a new FILE, and kills DELAY seconds later; with "erasing", until the first signals of a forgotten user have been
replaced in FOLDER's log. Then it prints "new 0". A process of its own, because a thread of the load's interpreter would
be late.
"""

import fnmatch
import os
import signal
import struct
import sys
import time

CALLS = {1: "write", 18: "pwrite64", 20: "writev", 74: "fsync", 75: "fdatasync", 77: "ftruncate", 296: "pwritev"}  # x86-64
META_MAGIC = 0xBEEFC0DE
PAGE = 4096
LOOKS = 200  # at known threads, before looking for new ones


def last_transaction(path):
    """The number of the last transaction that is whole in an LMDB file, from its two meta pages; 0: none."""
    try:
        with open(path, "rb") as file:
            data = file.read(2 * PAGE)
    except FileNotFoundError:
        return 0
    found = [0]
    for page in (data[:PAGE], data[PAGE:]):
        # A page header of 16 bytes, magic, version, address, map size, two databases of 48 bytes, last page, number.
        if len(page) == PAGE and struct.unpack_from("<I", page, 16)[0] == META_MAGIC:
            found.append(struct.unpack_from("<Q", page, 144)[0])
    return max(found)


class Watch:
    def __init__(self, pid, name):
        self.pid = pid
        self.name = name
        self.threads = {}
        self.path = None

    def refresh(self):
        """The numbers of descriptors of the file, and every thread's view of its system call."""
        base = "/proc/%d/" % self.pid
        self.wanted = set()
        for number in os.listdir(base + "fd"):
            try:
                path = os.readlink(base + "fd/" + number)
            except FileNotFoundError:
                continue
            if fnmatch.fnmatchcase(os.path.basename(path), self.name):
                self.wanted.add(int(number))
                self.path = path
        for thread in os.listdir(base + "task"):
            if thread not in self.threads:
                self.threads[thread] = os.open(base + "task/%s/syscall" % thread, os.O_RDONLY)

    def look(self):
        """The name of a call on the file that is under way, or None."""
        for thread, view in list(self.threads.items()):
            try:
                words = os.pread(view, 256, 0).split()
            except OSError:  # it has ended
                os.close(self.threads.pop(thread))
                continue
            if len(words) > 2 and int(words[0]) in CALLS and int(words[1], 16) in self.wanted:
                return CALLS[int(words[0])]
        return None


def strike_after(pid, name, seconds, folder, delay):
    """("new" or None, 0): kills when a file of that name has come."""
    before = set(os.listdir(folder))
    return strike_when(pid, seconds, delay, lambda: fnmatch.filter(set(os.listdir(folder)) - before, name))


def strike_at_erasing(pid, seconds, folder):
    """Likewise, when the first signals of a forgotten user have been replaced in the log."""
    from remains import amid_erasing  # takes a while

    end = time.monotonic() + seconds
    while amid_erasing(folder) and time.monotonic() < end:  # of the one before
        time.sleep(0.001)
    return strike_when(pid, end - time.monotonic(), 0, lambda: amid_erasing(folder))


def strike_when(pid, seconds, delay, condition):
    end, call = time.monotonic() + seconds, None
    while call is None and time.monotonic() < end:
        time.sleep(0.001)
        if condition():
            call = "new"
            time.sleep(delay)
    os.kill(pid, signal.SIGKILL)
    return call, 0


def strike(pid, name, seconds):
    """(call or None, transaction or 0) as of the kill."""
    watch, call, end = Watch(pid, name), None, time.monotonic() + seconds
    looks = 1 if "*" in name else LOOKS  # such files are soon gone
    try:
        while call is None and time.monotonic() < end:
            watch.refresh()
            for _ in range(looks):
                call = watch.look()
                if call is not None:
                    break
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # it has ended, or may not be looked at
        pass
    before = last_transaction(watch.path) if watch.path else 0
    os.kill(pid, signal.SIGKILL)
    return call, before


if __name__ == "__main__":
    words = [int(sys.argv[1]), sys.argv[2], float(sys.argv[3])]
    if sys.argv[2] == "erasing":
        print("%s %d" % strike_at_erasing(words[0], words[2], sys.argv[4]))
    elif len(sys.argv) > 4:
        print("%s %d" % strike_after(*words, sys.argv[4], float(sys.argv[5])))
    else:
        print("%s %d" % strike(*words))
