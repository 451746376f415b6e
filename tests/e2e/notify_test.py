"""What a service manager is told while a server starts, serves and stops: systemd's Type=notify and WatchdogSec=."""

import os
import socket

from client import TIMEOUT, Process, Server, equal
from runner import case, run


class Manager:
    """The socket of a manager; the environment of what it starts."""

    def __init__(self, **environment):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("")  # the system finds an abstract name
        self.socket.settimeout(TIMEOUT)
        name = "@" + self.socket.getsockname()[1:].decode()
        self.environment = {**os.environ, "NOTIFY_SOCKET": name, **environment}

    def told(self):
        """The next lines."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def skip_to(self, name):
        while True:
            lines = self.told()
            if name in lines:
                return lines

    def rest(self):
        self.socket.setblocking(False)
        try:
            while True:
                yield self.told()
        except BlockingIOError:
            return


@case
def the_manager_learns_when_the_server_serves_and_when_it_stops(place):
    manager = Manager()
    with Server(place, "--drain-ms", "7000", env=manager.environment):
        equal("1", manager.skip_to("READY")["READY"])
    equal({"STOPPING": "1", "STATUS": "draining", "EXTEND_TIMEOUT_USEC": "67000000"}, manager.told())
    equal([], list(manager.rest()))


@case
def the_watchdog_hears_from_a_server_that_has_nothing_to_do(place):
    manager = Manager(WATCHDOG_USEC="100000")
    with Server(place, env=manager.environment):
        manager.skip_to("READY")
        for _ in range(3):
            equal({"WATCHDOG": "1"}, manager.told())


@case
def a_start_that_fails_is_never_ready(place):
    (place / "w.yaml").write_text("nonsense: 1\n")
    manager = Manager()
    process = Process(place, "--weights", str(place / "w.yaml"), env=manager.environment)
    assert process.wait() != 0
    process.release()
    equal([], [lines for lines in manager.rest() if "READY" in lines])


@case
def the_log_that_is_read_asks_for_patience(place):
    with Server(place):
        pass
    manager = Manager()
    with Server(place, env=manager.environment):
        first = manager.told()
        equal(("reading the log: 100%", "60000000"), (first["STATUS"], first["EXTEND_TIMEOUT_USEC"]))
        equal(True, manager.told()["STATUS"].startswith("serving on 127.0.0.1:"))


run()
