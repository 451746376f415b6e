"""A page of a report in headless Chromium: is it whole, and what does it say."""

import html
import json
import re
import shutil
import subprocess
import tempfile

from runner import Skip

WIDTH = 1280

# Runs in the page's copy after it is laid out, and leaves what it found in the document.
PROBE = """<script>
const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
const main = document.querySelector("main").getBoundingClientRect();
const svgs = [...document.querySelectorAll("svg")];
const found = {
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    svgs: svgs.length,
    unlabelled: svgs.filter(s => s.getAttribute("role") != "img" || !s.getAttribute("aria-label")).length,
    empty: svgs.filter(s => s.querySelectorAll("path, text").length < 2).length,
    outside: svgs.filter(s => !inside(s.getBoundingClientRect(), main)).length,
    overlapping: svgs.filter((s, i) => svgs.slice(i + 1).some(t => {
        const a = s.getBoundingClientRect(), b = t.getBoundingClientRect();
        return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    })).length,
    clipped: svgs.flatMap(s => [...s.querySelectorAll("text")].filter(
        t => !inside(t.getBoundingClientRect(), s.getBoundingClientRect())).map(t => t.textContent)),
    wide: [...document.querySelectorAll("table")].filter(t => t.getBoundingClientRect().right > main.right).length,
    ids: (ids => ids.length - new Set(ids).size)([...document.querySelectorAll("[id]")].map(e => e.id)),
    dangling: [...document.querySelectorAll("use")].filter(
        u => !document.getElementById(u.getAttribute("href").slice(1))).length,
    foreign: document.querySelectorAll("script, img, link, iframe, object, [onerror], [onload]").length - 1,
};
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(found);
document.body.append(out);
</script>"""

SOUND = {"overflow": 0, "unlabelled": 0, "empty": 0, "outside": 0, "overlapping": 0, "clipped": [], "wide": 0, "ids": 0,
         "dangling": 0, "foreign": 0}


def browse(page, path):
    """What the probe found, the document as text, and the lines of the console."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise Skip("chromium is not installed")
    (path / "page.html").write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=path) as profile:
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--user-data-dir=" + profile, "--window-size=%d,800" % WIDTH, "--dump-dom", "--enable-logging=stderr",
             "file://%s" % (path / "page.html")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100,
            env={"PATH": "/usr/bin:/bin", "HOME": profile})
    document = done.stdout.decode()
    probe = re.search(r'<pre id="probe">(.*?)</pre>', document, re.S)
    assert probe, (done.returncode, document[-2000:], done.stderr.decode()[-2000:])
    console = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(probe.group(1))), re.sub(r"\s+", " ", html.unescape(re.sub(
        r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", document, flags=re.S))), console


def check_sound(found, console):
    assert console == [], console
    assert {key: found[key] for key in SOUND} == SOUND, found
