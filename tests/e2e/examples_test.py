"""The client examples against a server with mutual TLS and tokens: each language gives the same answer and the same refusals.

What is not installed is skipped, and said so.
"""

import os
import pathlib
import re
import shutil
import subprocess

import client
from client import Api, Server, equal, upsert, video
from runner import Skip, case, run
from secure import Authority, connector, new_token, private

EXAMPLES = pathlib.Path("examples").absolute()
MODULES = ["@grpc/grpc-js", "@grpc/proto-loader"]
IDS = ["v1", "v2", "nobody-knows-it"]


def run_program(words, stdin="", **popen):
    return subprocess.run([str(word) for word in words], input=stdin.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=280, **popen)


class Secure:
    """A server with mutual TLS, tokens and two videos."""

    def __init__(self, place):
        self.authority = Authority(place, "ca")
        self.pairs = [self.authority.issue(name) for name in ("server", "feed-1")]
        tokens = place / "tokens"
        self.tokens = {role: new_token(tokens, role + "-1", role) for role in ("feed", "catalog")}
        self.files = {role: private(place / (role + ".token"), token.encode() + b"\n")
                      for role, token in self.tokens.items()}
        self.server = Server(place, "--tls-cert", self.pairs[0].path, "--tls-key", self.pairs[0].key_path,
                             "--tls-client-ca", self.authority.path, "--tokens", tokens,
                             connect=self.connector("feed"))
        catalog = Api(self.server.channel(self.connector("catalog")))
        upsert(catalog, *[video(name) for name in IDS[:2]])

    def connector(self, role):
        return connector(self.authority, self.pairs[1], self.tokens[role])

    def options(self):
        address = "localhost:" + self.server.address.rsplit(":", 1)[1]
        pair = self.pairs[1]
        return [address, "u1", "hi-IN", "--tls-ca", self.authority.path, "--tls-cert", pair.path, "--tls-key",
                pair.key_path, "--token-file", self.files["feed"]]


def check_example(place, words, **popen):
    """Runs an example with everything right, then with one thing missing or wrong at a time."""
    secure = Secure(place)
    with secure.server:
        options = secure.options()

        def rank(options):
            return run_program([*words, *options], "\n".join(IDS), **popen)

        done = rank(options)
        equal(0, done.returncode)
        lines = done.stdout.decode().splitlines()
        equal([["1", "v1"], ["2", "v2"]], sorted([line.split()[0], line.split()[2]] for line in lines[:2]))
        equal("- unknown_video nobody-knows-it".split(), lines[2].split())
        assert re.fullmatch(r"state \d+, weights \S+", lines[3]), lines
        for wrong, code in [
            (options[:-2], ("UNAUTHENTICATED", "16")),
            (options[:-1] + [secure.files["catalog"]], ("PERMISSION_DENIED", "7")),
            (options[:5] + options[9:], ("UNAVAILABLE", "14")),
            (options[:3] + options[9:], ("UNAVAILABLE", "14")),
        ]:
            done = rank(wrong)
            equal(1, done.returncode)
            complaint = done.stderr.decode()
            assert re.match(r"rank(\.py|\.js)?: (%s|code %s): " % code, complaint), (wrong, complaint)
        return lines


@case
def python_example_ranks(place):
    check_example(place, ["/usr/bin/python3", EXAMPLES / "rank.py"])


def node_modules():
    """Where Node finds what the example needs; skips where that is nowhere."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Skip("node and npm are not installed")
    home = {**os.environ, "HOME": os.environ.get("TEST_TMPDIR", "/tmp")}
    root = pathlib.Path(run_program(["npm", "root", "-g"], env=home).stdout.decode().strip())
    for module in MODULES:
        if not (root / module).is_dir():
            raise Skip("npm's module %s is not installed (npm install -g %s)" % (module, " ".join(MODULES)))
    return {**home, "NODE_PATH": str(root)}


@case
def node_example_ranks(place):
    check_example(place, ["node", EXAMPLES / "rank.js"], env=node_modules())


def build_steps():
    """The commands in the first comment of rank.cc."""
    comment = (EXAMPLES / "rank.cc").read_text().split("#include")[0]
    return re.sub(r"^//   ", "", comment.split("at the root of the sources:\n//\n")[1], flags=re.M)


@case
def cpp_example_is_built_as_it_says_and_ranks(place):
    for tool in ["g++", "pkg-config", "protoc", "grpc_cpp_plugin"]:
        if shutil.which(tool) is None:
            raise Skip("%s is not installed" % tool)
    if not pathlib.Path("/usr/include/grpcpp/grpcpp.h").exists():
        raise Skip("libgrpc++-dev is not installed")
    root = place / "sources"
    root.mkdir()
    (root / "examples").symlink_to(EXAMPLES)
    (root / "proto").symlink_to(EXAMPLES.parent / "proto")
    built = run_program(["bash", "-ec", build_steps()], cwd=root)
    equal((0, b""), (built.returncode, built.stderr))
    check_example(place, [root / "build" / "rank"])


run(case_seconds=290)
