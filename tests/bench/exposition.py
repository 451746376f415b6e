"""What a server says in /metrics."""

import re
import urllib.request

SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def key(name, **labels):
    return name, tuple(sorted(labels.items()))


def key_text(counter):
    name, labels = counter
    return name + ("{%s}" % ",".join('%s="%s"' % label for label in labels) if labels else "")


def scrape(address):
    """What /metrics says, by key()."""
    with urllib.request.urlopen(f"{address}metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    found = {}
    for line in lines:
        sample = SAMPLE.match(line)
        if sample is not None:
            labels = dict(LABEL.findall(sample[2] or ""))
            found[key(sample[1], **labels)] = float(sample[3])
    return found


def quantile(before, after, name, share, **labels):
    """Of what a histogram has counted between two scrapes, as if it were even within a cell; 0 of nothing."""
    bounds = sorted((float(dict(found[1])["le"]), found) for found in after
                    if found[0] == name + "_bucket" and dict(found[1], le=None) == dict(labels, le=None))
    cells = [(bound, after[found] - before.get(found, 0)) for bound, found in bounds]
    wanted = share * cells[-1][1] if cells else 0
    low = below = 0
    for bound, total in cells:
        if total >= wanted and total > below:
            return low + (min(bound, 1e9) - low) * (wanted - below) / (total - below)
        low, below = bound, total
    return 0
