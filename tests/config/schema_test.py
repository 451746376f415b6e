"""The published JSON Schema against the parser, over the same documents; and the broken files through
the command line.

usage: schema_test.py REELRANK [FILTER]
Prints "ok NAME" or "FAILED NAME" for each test.

Documents come from config/, from documents.yaml beside this file and from tests/ranker/broken/. Each is
judged by the schema (python3-jsonschema, as an editor would) and by `reelrank check`; both must agree,
except where SCHEMA_CANNOT_KNOW says why not.
"""

import functools
import glob
import json
import os
import re
import subprocess
import sys
import textwrap
import traceback

import jsonschema
import yaml

REELRANK = os.path.abspath(sys.argv[1])
INVALID = 4
SCHEMA_PATH = "config/weights.schema.json"
BROKEN = "tests/ranker/broken"

# What a schema cannot say, by what the parser says of it. The schema takes these documents; the parser does not.
SCHEMA_CANNOT_KNOW = {
    r"found \d+[smhd]; allowed: ": "the bounds of a duration, which is text to a schema",
    r"add up to": "the sum of several numbers",
    r"stands here again": "two spellings of one locale or language",
    r"is a cycle": "what other keys of the file say",
    r"is not under locales": "what other keys of the file say",
    r"this head's kind is": "a kind that is inherited, or rate by default",
    r"kinds linear and logistic need": "whether weights are inherited",
    r"kind trees needs": "whether a model is inherited",
    r"scores could reach": "the product of several numbers",
    r"one model for each locale": "the product of several counts",
    r"with those inherited, more than": "the union of several mappings",
    r"locales stand for this one": "what other keys of the file say",
    r"there are no model files here|cannot read|No such file": "whether a file is there",
    r"\d+ bytes; allowed": "bytes: a schema counts characters",
    r"without escapes": "how a text is written",
    r"longer than 65536 bytes": "how the file is cut into lines",
    r'found "\.nan"': "what JSON has no word for, and so no rule",
}

# The other way round: the parser takes them, an editor complains.
PARSER_KNOWS_MORE = {
    "a_locale_with_an_extension": "the schema knows language, script and region alone",
    "a_version_that_is_true": "a bare true is a text where a name is expected",
}


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as reelrank and editors read it: PyYAML alone takes `no` for false."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.YAMLError("a key stands twice")
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


Core.add_constructor("tag:yaml.org,2002:map", Core.construct_mapping)
for name, pattern, starts in [
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
        ("float", r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
         list("-+.0123456789"))]:
    Core.add_implicit_resolver("tag:yaml.org,2002:" + name, re.compile(pattern), starts)
Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value.lstrip("+") or "0", 0)
                     if node.value.lower().startswith(("0x", "0o")) else int(node.value))


def check(path=None, text=b""):
    """Exit code and lines of `reelrank check`."""
    done = subprocess.run([REELRANK, "check", path or "-"], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode in (0, INVALID), done
    return done.returncode, done.stdout.decode().splitlines()


@functools.lru_cache(maxsize=None)
def validator():
    with open(SCHEMA_PATH) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def parse(text):
    """The document; None where it is not one, such as of two documents or with a key twice."""
    try:
        events = list(yaml.parse(text, Core))
        if any(isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None)
               for event in events):
            return None
        return yaml.load(text, Core)
    except (yaml.YAMLError, ValueError, UnicodeDecodeError):
        return None


def agree(name, text):
    """True when both judge alike, or an exception explains it; complains otherwise."""
    code, lines = check(text=text)
    document = parse(text)
    if document is None:
        return True
    errors = [error.message for error in validator().iter_errors(document)]
    if (code == 0) == (not errors):
        return name not in PARSER_KNOWS_MORE
    if code == 0:
        explained = name in PARSER_KNOWS_MORE
    else:
        explained = all(any(re.search(known, line) for known in SCHEMA_CANNOT_KNOW) for line in lines)
    if not explained:
        print("%s: the parser says %s, the schema says %s" % (name, lines, errors))
    return explained


def documents():
    """Name, whether it is valid, and text of each document of documents.yaml."""
    with open("tests/config/documents.yaml", "rb") as file:
        parts = re.split(rb"(?m)^# (good|bad): ([a-z0-9_]+)\n", file.read())
    return [(parts[i + 1].decode(), parts[i] == b"good", parts[i + 2]) for i in range(1, len(parts), 3)]


def the_schema_takes_the_shipped_file_and_the_examples():
    paths = ["config/weights.yaml"] + sorted(glob.glob("config/examples/*.yaml"))
    assert len(paths) >= 4, paths
    for path in paths:
        code, lines = check(path)
        assert code == 0, lines
        with open(path, "rb") as file:
            validator().validate(parse(file.read()))


def schema_and_parser_agree_on_good_and_bad_documents():
    cases = documents()
    assert len({name for name, _, _ in cases}) == len(cases) and len(cases) >= 60, len(cases)
    wrong = []
    for name, good, text in cases:
        text = b"version: a\n" + text if not text.startswith(b"version:") else text
        code, lines = check(text=text)
        if (code == 0) != good:
            print("%s: %s" % (name, lines))
            wrong.append(name)
        elif not agree(name, text):
            wrong.append(name)
    assert not wrong, wrong


def schema_and_parser_agree_on_the_broken_files():
    paths = sorted(glob.glob(BROKEN + "/*.yaml"))
    assert len(paths) >= 40, paths
    wrong = []
    for path in paths:
        with open(path, "rb") as file:
            if not agree(os.path.basename(path), file.read()):
                wrong.append(path)
    assert not wrong, wrong


def the_examples_of_the_documentation_are_valid():
    with open("docs/weights.md") as file:
        blocks = re.findall(r"(?m)^    (?:heads|locales|experiments):\n(?:    .*\n)+", file.read())
    assert len(blocks) == 3, blocks
    for block in blocks:
        text = ("version: a\n" + textwrap.dedent(block)).encode()
        code, lines = check(text=text)
        absent = [line for line in lines if re.search(r'found "models/long_view\.json": ', line)]
        assert code == 0 or (len(lines) == len(absent) == 1), lines
        validator().validate(parse(text))


def every_exception_is_needed():
    texts = [text for _, _, text in documents()]
    texts += [open(path, "rb").read() for path in glob.glob(BROKEN + "/*.yaml")]
    said = [line for text in texts for line in check(text=text if text.startswith(b"version:") else
                                                     b"version: a\n" + text)[1]]
    unused = [known for known in SCHEMA_CANNOT_KNOW if not any(re.search(known, line) for line in said)]
    assert not unused, unused


def each_broken_file_is_refused_by_the_command_line_at_its_place():
    with open(BROKEN + "/want.txt") as file:
        wants = [line.rstrip("\n").split(" ", 1) for line in file]
    assert sorted(name for name, _ in wants) == sorted(os.path.basename(path) for path in
                                                       glob.glob(BROKEN + "/*.yaml"))
    for name, want in wants:
        path = BROKEN + "/" + name
        code, lines = check(path)
        assert code == INVALID, (name, code)
        found = lines[0][len(path) + 1:]
        assert found == want or (want.endswith("*") and found.startswith(want[:-1])), (name, want, lines[0])


TESTS = [
    the_schema_takes_the_shipped_file_and_the_examples,
    schema_and_parser_agree_on_good_and_bad_documents,
    schema_and_parser_agree_on_the_broken_files,
    the_examples_of_the_documentation_are_valid,
    every_exception_is_needed,
    each_broken_file_is_refused_by_the_command_line_at_its_place,
]


def main():
    failed = 0
    for test in TESTS:
        if len(sys.argv) > 2 and sys.argv[2] not in test.__name__:
            continue
        try:
            test()
            print("ok " + test.__name__)
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            print("FAILED " + test.__name__)
            failed += 1
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
