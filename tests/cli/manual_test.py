"""Manual pages, as "reelrank help --manual" makes them from the tables of commands and options."""

import re
import shutil
import subprocess

from calls import FAILED, OK, call
from runner import Skip, case, run


def made(place):
    call(OK, "help", "--manual", "pages", cwd=place)
    return place / "pages"


def commands(place):
    text = call(OK, "help", cwd=place)[0].split("commands:\n")[1].split("\n\n")[0]  # names are padded to 21
    return [line[2:23].strip() for line in text.splitlines()]


def shown(path):
    """The page as text, on lines of any length."""
    if not shutil.which("groff"):
        raise Skip("no groff")
    done = subprocess.run(["groff", "-mandoc", "-Tutf8", "-P-cbou", "-rLL=2000n", str(path)], stdout=subprocess.PIPE,
                          check=True)
    return done.stdout.decode()


@case
def each_command_has_a_page_and_each_option_its_place_there(place):
    pages = made(place)
    names = commands(place)
    assert "replay parity" in names and "serve" in names, names
    want = {"reelrank.1", "reelrank.conf.5"} | {"reelrank-%s.1" % name.replace(" ", "-") for name in names}
    assert want == {path.name for path in pages.iterdir()}
    for name in names:
        text = shown(pages / ("reelrank-%s.1" % name.replace(" ", "-")))
        for option in re.findall(r"^  (--\S+)", call(OK, "help", *name.split(), cwd=place)[0], re.M):
            assert re.search(r"^ {7}%s( |$)" % option, text, re.M), (name, option)


@case
def the_overview_lists_commands_and_exit_codes(place):
    text = shown(made(place) / "reelrank.1")
    for name in commands(place):
        assert "reelrank-%s(1)" % name.replace(" ", "-") in text, name
    assert re.search(r"^ {7}4 +invalid input: weights with problems", text, re.M), text


@case
def the_page_of_the_configuration_has_every_key(place):
    text = shown(made(place) / "reelrank.conf.5")
    for key in re.findall(r"^#([a-z-]+) =", call(OK, "help", "--example-config", cwd=place)[0], re.M):
        assert re.search(r"^ {7}%s( |$)" % key, text, re.M), key


@case
def what_a_page_shows_is_what_the_help_says(place):
    text = shown(made(place) / "reelrank-import.1")
    assert 'youtube    YouTube\'s daily trending videos: a catalogue; IN_ or RU_ at the start of\n' in text, text
    assert "\n         reelrank import --data /tmp/shop --format obd --assume-safety low \\\n" in text, text
    assert "longest wait for one answer of a server (1 to 3600000; default 30000)" in text, text


@case
def no_page_has_a_warning(place):
    pages = sorted(made(place).iterdir())
    if not shutil.which("groff"):
        raise Skip("no groff")
    for page in pages:
        done = subprocess.run(["groff", "-ww", "-mandoc", "-z", "-Tutf8", str(page)], stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b""), (page, done.stderr)


@case
def pages_that_cannot_be_written_are_an_error(place):
    (place / "pages").write_text("a file")
    told = call(FAILED, "help", "--manual", "pages", cwd=place)[1]
    assert "pages/reelrank.1: " in told, told
    assert "missing/pages" in call(FAILED, "help", "--manual", "missing/pages", cwd=place)[1]


run()
