"""serve --config: every option in the file and on the command line, and what is refused."""

import json
import re
import shutil
import signal
import subprocess

from calls import FAILED, INVALID, OK, REELRANK, TIMEOUT, USAGE, call
from runner import case, run
from secure import Authority, private


def told(place, *words):
    """The options that a server with these words says it has, once it serves and is stopped."""
    process = subprocess.Popen([REELRANK, "serve", *words], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.readline().decode()
    process.send_signal(signal.SIGTERM)
    log = process.communicate(timeout=TIMEOUT)[1].decode()
    assert first.startswith("listening on ") and process.returncode == 0, (first, log)
    return options_of(log.splitlines()[0])


def options_of(line):
    """The values in a line of the log, in either of its formats."""
    if line.startswith("{"):
        values = {name: str(value) for name, value in json.loads(line).items()}
    else:
        values = dict(re.findall(r'(\w+)="?([^" ]*)', line))
    assert values["event"] == "options", line
    return {name.replace("_", "-"): value for name, value in values.items() if name not in ("time", "level", "event")}


def typed(values):
    """The same options as words of the command line; a flag that is off is not there."""
    for name, value in values.items():
        if value == "true":
            yield "--" + name
        elif value != "false":
            yield "--%s=%s" % (name, value)


def logged(values):
    """As the log tells them."""
    return {name: {"true": "1", "false": "0"}.get(value, value) for name, value in values.items()}


def table(place):
    """Name, default and bounds of each option; a text and a flag have no bounds."""
    example = call(OK, "help", "--example-config", cwd=place)[0]
    rows = re.findall(r"^# (.*)\n#([a-z-]+) = ?(.*)$", example, re.M)
    assert {name for _, name, _ in rows} == set(told(place, "--listen", "127.0.0.1:0"))
    for meaning, name, initial in rows:
        bounds = re.search(r"\((\d+) to (\d+)\)$", meaning)
        yield name, initial, bounds and tuple(map(int, bounds.groups()))


def others(place):
    """For each option a value that is not its default and that a server can start with."""
    shutil.copy("config/weights.yaml", place / "w.yaml")
    authority = Authority(place, "ca")
    certificate = authority.issue("server")
    values = {"listen": "127.0.0.1:0", "data": "other-data", "weights": "w.yaml", "tls-cert": certificate.path,
              "tls-key": certificate.key_path, "tls-client-ca": authority.path,
              "tokens": private(place / "tokens", b"reelrank-tokens 1\n"), "admin-listen": "127.0.0.1:0",
              "log-format": "json", "log-level": "debug", "overload": "degrade"}
    values = {name: str(value) for name, value in values.items()}
    for name, initial, bounds in table(place):
        if initial == "false":
            values[name] = "true"
        elif bounds is not None:
            values[name] = str(int(initial) + (1 if int(initial) < bounds[1] else -1))
        assert values[name] != initial, name
    return values


def write(place, values):
    (place / "r.conf").write_text("".join("%s = %s\n" % row for row in values.items()))


@case
def every_option_is_set_by_a_file_and_by_the_command_line(place):
    values = others(place)
    write(place, values)
    assert told(place, "--config", "r.conf") == logged(values)
    assert told(place, *typed(values)) == logged(values)


@case
def the_command_line_overrides_the_file(place):
    initial = {name: value for name, value, _ in table(place) if value != "false"}  # the line cannot take a flag back
    initial["listen"] = "127.0.0.1:0"
    values = others(place)
    write(place, values)
    assert told(place, *typed(initial), "--config", "r.conf") == logged({**values, **initial})


@case
def a_file_with_an_error_ends_the_start_before_anything_is_made(place):
    (place / "r.conf").write_text("listen = 127.0.0.1:0\n\n  wrokers = 3\n")
    err = call(INVALID, "serve", "--config", "r.conf", "--data", "new", cwd=place)[1]
    assert err == "reelrank: serve: r.conf:3: wrokers: no such option; did you mean workers?\n", err
    assert not (place / "new").exists()
    assert "cannot open none.conf" in call(FAILED, "serve", "--config", "none.conf", cwd=place)[1]
    (place / "r.conf").write_text("#" * 65537)
    assert "is longer than the 65536 bytes allowed" in call(INVALID, "serve", "--config", "r.conf", cwd=place)[1]


@case
def an_error_on_the_command_line_names_the_option(place):
    err = call(USAGE, "serve", "--data", "", cwd=place)[1]
    assert "--data: found 0 bytes, allowed are 1 to 4000" in err, err


run()
