"""TLS, client certificates, tokens and roles, with stock clients and with the command."""

import os
import pathlib
import re
import ssl
import subprocess
import threading
import time

import grpc

import client
from client import REFLECTION, Api, Feed, Process, Server, command, equal, eventually, fails, ids_of, rank, upsert, video
from runner import case, run
from secure import DAY, NOW, Authority, connector, handshake, new_token, private

CODE = grpc.StatusCode
LOOK = ["--credentials-watch-ms", 10]
FAILED, USAGE, NO_SERVER, INVALID = 1, 2, 3, 4  # exit codes
CHECK = "/grpc.health.v1.Health/Check"
PAGE = pathlib.Path("docs/security.md")


class Place:
    """A CA, a server's certificate, a client's, and an empty file of tokens."""

    def __init__(self, place):
        self.path = place
        self.authority = Authority(place, "ca")
        self.other = Authority(place, "other-ca")
        self.server = self.authority.issue("server")
        self.client = self.authority.issue("client")
        self.tokens = private(place / "tokens", b"reelrank-tokens 1\n")

    def tls(self, *words):
        return ["--tls-cert", self.server.path, "--tls-key", self.server.key_path, *LOOK, *words]

    def mutual(self, *words):
        return self.tls("--tls-client-ca", self.authority.path, *words)

    def token(self, name, roles, *words):
        return new_token(self.tokens, name, roles, *words)

    def token_file(self, name, text):
        return private(self.path / (name + ".token"), text.encode() + b"\n")


class Bare(Server):
    """A server that nobody calls yet."""

    def __init__(self, place, *words):
        Process.__init__(self, place, *words)
        self.channels = []
        self.address = self.read_address()


def check(server, connect):
    """Calls the health check, which needs no token, on a connection of its own; returns the code."""
    channel = connect(server.address)
    try:
        channel.unary_unary(CHECK)(b"", timeout=client.TIMEOUT)
        return CODE.OK
    except grpc.RpcError as error:
        return error.code()
    finally:
        channel.close()


# Which connections a server takes.


@case
def tls_is_taken_where_the_client_trusts_and_names_the_server(place):
    my = Place(place)
    good = connector(my.authority)
    with Server(place, *my.tls(), connect=good) as server:
        equal(CODE.OK, check(server, good))
        equal(CODE.UNAVAILABLE, check(server, connector()))  # plaintext
        equal(CODE.UNAVAILABLE, check(server, connector(my.other)))
        equal(CODE.OK, check(server, connector(my.authority, my.client)))  # shown, not asked for
        upsert(server.api, video("v1"))
        equal(["v1"], ids_of(rank(server.api, ["v1"])))
    assert "event=tls subject=\"CN=server\"" in server_log(place)


def server_log(place):
    return (place / "server.log").read_text()


@case
def client_refuses_a_server_of_another_name(place):
    my = Place(place)
    other = my.authority.issue("elsewhere", dns="elsewhere.example")
    with Bare(place, "--tls-cert", other.path, "--tls-key", other.key_path) as server:
        equal(CODE.UNAVAILABLE, check(server, connector(my.authority)))


@case
def client_refuses_a_server_whose_certificate_has_expired(place):
    my = Place(place)
    old = my.authority.issue("old", end=NOW - DAY)
    with Bare(place, "--tls-cert", old.path, "--tls-key", old.key_path) as server:
        equal(CODE.UNAVAILABLE, check(server, connector(my.authority)))
    assert "level=error event=tls_expires" in server_log(place)


@case
def mutual_tls_wants_a_certificate_of_its_own_ca_that_is_valid(place):
    my = Place(place)
    good = connector(my.authority, my.client)
    with Server(place, *my.mutual(), connect=good) as server:
        equal(CODE.OK, check(server, good))
        equal(CODE.UNAVAILABLE, check(server, connector()))
        equal(CODE.UNAVAILABLE, check(server, connector(my.authority)))
        equal(CODE.UNAVAILABLE, check(server, connector(my.authority, my.other.issue("stranger"))))
        equal(CODE.UNAVAILABLE, check(server, connector(my.authority, my.authority.issue("late", end=NOW - DAY))))
        equal(CODE.UNAVAILABLE, check(server, connector(my.authority, my.authority.issue("early", start=NOW + DAY))))
        equal(CODE.OK, check(server, good))


@case
def tls_1_2_and_1_3_are_spoken_and_nothing_older(place):
    my = Place(place)
    with Server(place, *my.tls(), connect=connector(my.authority)) as server:
        for version, name in [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]:
            spoken, protocol, _ = handshake(server.address, my.authority, version=version)
            equal((name, "h2"), (spoken, protocol))
        for version in [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]:
            try:
                handshake(server.address, my.authority, version=version)
                raise AssertionError("%s was taken" % version)
            except ssl.SSLError:  # the server closes the connection
                pass
        assert "unsupported protocol" in server.log_text(), server.log_text()


# What a start refuses.


def refused_start(message, *words):
    _, complaint = command(INVALID, "serve", "--listen", "127.0.0.1:0", *words)
    assert message in complaint, complaint


@case
def plaintext_beyond_loopback_must_be_asked_for(place):
    data = ["--data", place / "data"]
    away = "192.0.2.1:7070"  # for documentation: no machine has it
    _, complaint = command(INVALID, "serve", *data, "--listen", away)
    assert "give --tls-cert and --tls-key, or --allow-plaintext" in complaint, complaint
    assert not (place / "data").exists()
    _, complaint = command(NO_SERVER, "serve", *data, "--listen", away, "--allow-plaintext")
    assert "event=plaintext problem=\"who is on the way can read and change all calls\"" in complaint, complaint
    assert "cannot listen on " + away in complaint, complaint
    my = Place(place)
    _, complaint = command(NO_SERVER, "serve", *data, "--listen", away, "--allow-plaintext", "--tokens", my.tokens)
    assert "all calls, and take the tokens" in complaint, complaint
    _, complaint = command(NO_SERVER, "serve", *data, "--listen", away, *my.tls())
    assert "event=plaintext" not in complaint, complaint


@case
def start_with_credentials_that_cannot_be_used_fails(place):
    my = Place(place)
    data = ["--data", place / "data"]
    cert, key = my.server.path, my.server.key_path
    refused_start("--tls-key is missing", *data, "--tls-cert", cert)
    refused_start("--tls-cert is missing", *data, "--tls-key", key)
    refused_start("--tls-client-ca needs --tls-cert", *data, "--tls-client-ca", my.authority.path)
    refused_start("client.key: it is not the key of the certificate", *data, "--tls-cert", cert, "--tls-key",
                  my.client.key_path)
    refused_start("No such file", *data, "--tls-cert", place / "none", "--tls-key", key)
    refused_start("tokens: ", *data, "--tokens", place / "none")
    key.chmod(0o644)
    refused_start("everybody may read it (mode 0644)", *data, "--tls-cert", cert, "--tls-key", key)
    my.tokens.chmod(0o602)
    refused_start("everybody may write it (mode 0602)", *data, "--tokens", my.tokens)
    private(my.tokens, b"reelrank-tokens 1\nfeed-1 feed secret\n")
    refused_start("line 2: the third field is no hash", *data, "--tokens", my.tokens)
    assert not (place / "data").exists()


# Who may call what.


def roles_table():
    """{method: the roles that docs/security.md says may call it}."""
    table = {}
    for line in PAGE.read_text().splitlines():
        found = re.match(r"\| `((?:reelrank|grpc)\.[\w.]+)\.(\w+)` \| ([^|]+) \|", line)
        if found:
            table["/%s/%s" % (found[1], found[2])] = found[3].strip()
    return table


def every_method():
    methods = {"/%s/%s" % (method.containing_service.full_name, method.name): method
               for method in client.schema.methods.values()}
    return {**methods, **{"/%s/ServerReflectionInfo" % service: None for service in REFLECTION}}


def code_of(channel, path, method):
    """Calls a method with one empty message; returns its code and message."""
    name = path.rsplit("/", 1)[1]
    if method is None:
        stub, streams_in = channel.stream_stream(path), True
    else:
        stub = Api(channel).stub(name, raw=True)
        streams_in = isinstance(stub, (grpc.StreamUnaryMultiCallable, grpc.StreamStreamMultiCallable))
    try:
        answer = stub(iter([b""]) if streams_in else b"", timeout=client.TIMEOUT)
        if hasattr(answer, "__next__"):
            next(answer, None)  # Watch goes on for ever
            answer.cancel()
        return CODE.OK, ""
    except grpc.RpcError as error:
        return error.code(), error.details()


@case
def each_method_is_for_the_roles_that_the_page_says(place):
    my = Place(place)
    roles = ["feed", "catalog", "data", "admin"]
    tokens = {role: my.token(role, role) for role in roles}
    with Server(place, "--tokens", my.tokens, connect=connector(token=tokens["admin"])) as server:
        table = roles_table()
        equal(sorted(every_method()), sorted(table))
        for path, method in every_method().items():
            name = path.rsplit("/", 1)[1]
            needed = table[path]
            code, _ = code_of(server.channel(connector()), path, method)
            equal((path, needed != "open"), (path, code == CODE.UNAUTHENTICATED))
            for role in roles:
                code, details = code_of(server.channel(connector(token=tokens[role])), path, method)
                allowed = needed in ("open", "any") or role in needed.split(", ")
                equal((path, role, allowed), (path, role, code != CODE.PERMISSION_DENIED))
                if not allowed:
                    equal("%s needs a token with the role %s" % (name, needed.replace(", ", " or ")), details)
                assert code != CODE.UNAUTHENTICATED, (path, role)


@case
def token_is_asked_for_on_every_kind_of_call(place):
    my = Place(place)
    good = my.token("feed-1", "feed")
    expired = my.token("old", "feed", "--expires", 1)
    lines = my.tokens.read_text().splitlines()
    lines[-1] = lines[-1].rsplit(" ", 1)[0] + " 2020-01-31T00:00:00Z"
    private(my.tokens, "\n".join(lines).encode())
    refusals = {  # the authorization headers of a call: what it is told
        (): "a token is needed: one header authorization: Bearer TOKEN",
        ("Bearer " + good, "Bearer " + good): "a token is needed: one header authorization: Bearer TOKEN",
        ("Basic " + good,): "the authorization header is not \"Bearer TOKEN\"",
        ("Bearer",): "the authorization header is not \"Bearer TOKEN\"",
        ("Bearer " + good[:-1],): "the token is not known",
        ("Bearer " + good + good * 20,): "the authorization header is not \"Bearer TOKEN\"",
        ("Bearer " + expired,): "the token has expired",
    }
    with Server(place, "--tokens", my.tokens, connect=connector(token=good)) as server:
        for headers, message in refusals.items():
            channel = server.channel(connector(headers=list(headers)))
            for name in ["Rank", "ExportUser", "UploadSignals", "RankStream"]:
                method = client.schema.methods[name]
                path = "/%s/%s" % (method.containing_service.full_name, name)
                equal((CODE.UNAUTHENTICATED, message), code_of(channel, path, method))
        upsert_denied = fails(CODE.PERMISSION_DENIED, lambda: server.api.UpsertVideos(videos=[video("v1")]))
        equal("UpsertVideos needs a token with the role catalog", upsert_denied)
        log = server.log_text()
    assert "event=denied method=Rank reason=missing token=\"\" peer=\"ipv4:127.0.0.1:" in log, log
    assert good not in log and expired not in log


@case
def refused_call_is_not_read_and_an_allowed_one_has_its_limits(place):
    my = Place(place)
    token = my.token("feed-1", "feed")
    with Server(place, "--tokens", my.tokens, "--max-message-bytes", 100000, connect=connector(token=token)) as server:
        large = [b"x" * 1000000]
        path = "/reelrank.v1.RankingService/Rank"
        stranger = server.channel(connector()).unary_unary(path)
        fails(CODE.UNAUTHENTICATED, lambda: stranger(large[0], timeout=client.TIMEOUT))
        known = server.channel().unary_unary(path)
        fails(CODE.RESOURCE_EXHAUSTED, lambda: known(large[0], timeout=client.TIMEOUT))
        assert "not a valid" in fails(CODE.INVALID_ARGUMENT, lambda: known(b"\xff", timeout=client.TIMEOUT))
        without = server.channel().stream_unary(path)  # a unary call that carries no message
        assert "no request message" in fails(CODE.INVALID_ARGUMENT, lambda: without(iter([]), timeout=client.TIMEOUT))
        fails(CODE.INVALID_ARGUMENT, lambda: server.api.Rank())  # the server goes on


@case
def log_names_the_token_that_was_refused(place):
    my = Place(place)
    token = my.token("feed-1", "feed")
    with Server(place, "--tokens", my.tokens, connect=connector(token=token)) as server:
        for _ in range(50):
            fails(CODE.PERMISSION_DENIED, lambda: server.api.GetUser(user_id="u1"))
        log = server.log_text()
    lines = [line for line in log.splitlines() if "event=denied" in line]
    assert 1 <= len(lines) < 50, log
    assert "level=warn event=denied method=GetUser reason=role token=\"feed-1\"" in lines[0], lines


# The command.


def status_fails(message, code, *words):
    _, complaint = command(code, "status", *words)
    assert message in complaint, complaint
    return complaint


@case
def command_shows_certificate_and_token(place):
    my = Place(place)
    token = my.token_file("data", my.token("data-1", "data"))
    feed = my.token_file("feed", my.token("feed-1", "feed"))
    words = my.mutual("--tokens", my.tokens)
    good = connector(my.authority, my.client, token.read_text().strip())
    with Server(place, *words, connect=good) as server:
        ca = ["--target", server.address, "--tls-ca", my.authority.path]  # c-ares leaks the name of a host
        pair = ["--tls-cert", my.client.path, "--tls-key", my.client.key_path]
        shown = ["--token-file", token]
        out, _ = command(0, "status", *ca, *pair, *shown)
        assert server.address in out
        command(0, "status", "--data", place / "data", *ca[2:], *pair, *shown)  # the announced address
        status_fails("one with TLS needs --tls-ca", NO_SERVER, *ca[:2])
        status_fails("it may want a certificate (--tls-cert, --tls-key)", NO_SERVER, *ca, *shown)
        status_fails("no CA of --tls-ca has signed its certificate", NO_SERVER, *ca[:3], my.other.path, *pair)
        status_fails("its certificate has another name", NO_SERVER, *ca, *pair, "--tls-name", "elsewhere.example")
        stranger = my.other.issue("stranger")
        status_fails("or another one", NO_SERVER, *ca, "--tls-cert", stranger.path, "--tls-key", stranger.key_path)
        status_fails("a token is needed", FAILED, *ca, *pair)
        status_fails("--token-file names a file with one", FAILED, *ca, *pair)
        unknown = my.token_file("unknown", "reelrank_nobody")
        status_fails("the token is not known", FAILED, *ca, *pair, "--token-file", unknown)
        status_fails("GetStatus needs a token with the role data or admin", FAILED, *ca, *pair, "--token-file", feed)


@case
def command_says_which_option_is_missing_or_wrong(place):
    my = Place(place)
    target = ["--target", "localhost:1"]
    ca, cert, key = my.authority.path, my.client.path, my.client.key_path
    status_fails("missing --tls-key", INVALID, *target, "--tls-ca", ca, "--tls-cert", cert)
    status_fails("missing --tls-cert", INVALID, *target, "--tls-ca", ca, "--tls-key", key)
    status_fails("missing --tls-ca", INVALID, *target, "--tls-cert", cert, "--tls-key", key)
    status_fails("missing --tls-ca", INVALID, *target, "--tls-name", "x")
    old = my.authority.issue("old", end=NOW - DAY)
    status_fails("old.pem expired at ", INVALID, *target, "--tls-ca", ca, "--tls-cert", old.path, "--tls-key",
                 old.key_path)
    key.chmod(0o644)
    status_fails("everybody may read it", INVALID, *target, "--tls-ca", ca, "--tls-cert", cert, "--tls-key", key)
    secret = my.token_file("secret", "reelrank_x")
    secret.chmod(0o644)
    complaint = status_fails("--token-file: ", INVALID, *target, "--token-file", secret)
    assert "reelrank_x" not in complaint
    two = my.token_file("two", "reelrank_x reelrank_y")
    status_fails("expected one token", INVALID, *target, "--token-file", two)
    away = ["--target", "192.0.2.1:7070", "--timeout-ms", 1]
    complaint = status_fails("the token would travel to 192.0.2.1:7070 unencrypted", INVALID, *away, "--token-file",
                             my.token_file("x", "reelrank_x"))
    command(NO_SERVER, "status", *away, "--allow-plaintext", "--token-file", my.token_file("x", "reelrank_x"))


@case
def command_takes_the_token_from_its_environment(place):
    my = Place(place)
    token = my.token("data-1", "data")
    with Server(place, "--tokens", my.tokens, connect=connector(token=token)) as server:
        os.environ["REELRANK_TOKEN"] = token
        try:
            command(0, "status", "--target", server.address)
            wrong = my.token_file("wrong", "reelrank_wrong")
            status_fails("the token is not known", FAILED, "--target", server.address, "--token-file", wrong)
        finally:
            del os.environ["REELRANK_TOKEN"]
        status_fails("a token is needed", FAILED, "--target", server.address)


@case
def tokens_are_made_listed_and_revoked(place):
    file = place / "new-tokens"
    token, said = command(0, "token", "new", "--file", file, "--name", "feed-1", "--role", "catalog,feed")
    equal("token \"feed-1\": roles feed,catalog, expires never; it is shown this once\n", said)
    equal(0o600, file.stat().st_mode & 0o777)
    assert token.strip() not in file.read_text()
    file.write_text(file.read_text() + "# the analysts\n")
    file.chmod(0o640)
    command(0, "token", "new", "--file", file, "--name", "analyst", "--role", "data", "--expires", 30)
    equal(0o640, file.stat().st_mode & 0o777)
    out, _ = command(0, "token", "list", "--file", file)
    equal(["feed-1", "feed,catalog", "never"], out.splitlines()[1].split())
    out, _ = command(0, "token", "list", "--file", file, "--json")
    assert '"name": "analyst"' in out and '"expired": false' in out
    _, complaint = command(FAILED, "token", "new", "--file", file, "--name", "feed-1", "--role", "feed")
    assert "there is a token \"feed-1\"" in complaint
    command(0, "token", "revoke", "--file", file, "--name", "feed-1")
    assert "feed-1" not in file.read_text() and "# the analysts\n" in file.read_text()
    command(FAILED, "token", "revoke", "--file", file, "--name", "feed-1")
    command(USAGE, "token", "new", "--file", file, "--name", "a b", "--role", "feed")
    command(USAGE, "token", "new", "--file", file, "--name", "ab", "--role", "root")


@case
def tokens_are_written_where_a_link_leads(place):
    (place / "kept").mkdir()
    link = place / "tokens-link"
    link.symlink_to("kept/tokens")
    command(0, "token", "new", "--file", link, "--name", "feed-1", "--role", "feed")
    command(0, "token", "new", "--file", link, "--name", "feed-2", "--role", "feed")
    command(0, "token", "revoke", "--file", link, "--name", "feed-1")
    assert link.is_symlink()
    equal(["tokens"], [path.name for path in (place / "kept").iterdir()])
    assert "feed-2" in (place / "kept" / "tokens").read_text()


@case
def tokens_replace_nothing_but_a_file(place):
    pipe = place / "pipe"
    os.mkfifo(pipe)
    for words in (["new", "--role", "feed"], ["revoke"]):
        _, complaint = command(INVALID, "token", *words, "--file", pipe, "--name", "feed-1")
        assert "is no regular file" in complaint, complaint
    assert pipe.is_fifo()


@case
def tokens_made_at_once_are_all_in_the_file(place):
    file = place / "new-tokens"
    threads = [threading.Thread(target=new_token, args=(file, "t%d" % i, "feed")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out, _ = command(0, "token", "list", "--file", file)
    equal(sorted("t%d" % i for i in range(8)), sorted(line.split()[0] for line in out.splitlines()[1:]))


# While the server runs.


class Calls:
    """Ranks on one connection without end, and on new ones; nothing of it may fail."""

    def __init__(self, server, connect):
        self.server = server
        self.connect = connect
        self.ending = threading.Event()
        self.failures = []
        self.kept = 0
        self.new = 0
        self.threads = [threading.Thread(target=self.guard, args=(work,)) for work in (self.keep, self.renew)]

    def guard(self, work):
        try:
            while not self.ending.is_set():
                work()
        except Exception as error:  # told by stop()
            self.failures.append(error)

    def keep(self):
        rank(self.server.api, ["v1"])
        self.kept += 1

    def renew(self):
        channel = self.connect(self.server.address)
        rank(Api(channel), ["v1"])
        channel.close()
        self.new += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures
        assert self.kept > 0 and self.new > 0

    def wait_for_more(self):
        kept, new = self.kept, self.new
        eventually(lambda: self.failures or (self.kept > kept and self.new > new + 1))


def shown(server, my):
    return handshake(server.address, my.authority, my.client)[2].serial_number


@case
def certificates_are_renewed_without_losing_a_call(place):
    my = Place(place)
    good = connector(my.authority, my.client)
    with Server(place, *my.mutual(), connect=good) as server:
        upsert(server.api, video("v1"))
        with Calls(server, good) as calls:
            for i in range(5):
                renewed = my.authority.issue("renewed%d" % i)
                renewed.take_place_of(my.server)
                eventually(lambda: shown(server, my) == renewed.certificate.serial_number)
                calls.wait_for_more()
    equal(6, server_log(place).count("event=tls subject="))


@case
def bad_certificates_change_nothing_and_are_told_of(place):
    my = Place(place)
    good = connector(my.authority, my.client)
    with Server(place, *my.mutual(), connect=good) as server:
        first = my.server.certificate.serial_number
        broken = [
            (my.server.path, b"nonsense", "server.pem: expected a certificate in PEM form"),
            (my.server.key_path, my.client.key_pem, "server.key: it is not the key of the certificate"),
            (my.authority.path, b"nonsense", "ca.pem: expected certificates of CAs in PEM form"),
        ]
        for path, data, message in broken:
            before = path.read_bytes()
            private(path, data)
            eventually(lambda: message in server.log_text())
            equal(first, shown(server, my))
            equal(CODE.OK, check(server, good))
            private(path, before)
        count = server.log_text().count("event=tls_refused")
        my.authority.issue("late", end=NOW - DAY).take_place_of(my.server)
        eventually(lambda: "which is not now" in server.log_text())
        equal(first, shown(server, my))
        assert count >= 3


@case
def new_client_ca_counts_for_new_connections(place):
    my = Place(place)
    good = connector(my.authority, my.client)
    stranger = connector(my.authority, my.other.issue("stranger"))
    with Server(place, *my.mutual(), connect=good) as server:
        server.api.GetStatus()
        equal(CODE.UNAVAILABLE, check(server, stranger))
        private(my.authority.path, my.other.pem)
        eventually(lambda: check(server, stranger) == CODE.OK)
        equal(CODE.UNAVAILABLE, check(server, good))
        server.api.GetStatus()  # on the connection of before


@case
def end_of_a_certificate_is_told_in_time(place):
    my = Place(place)
    soon = my.authority.issue("soon", end=NOW + 10 * DAY)
    words = ["--tls-cert", soon.path, "--tls-key", soon.key_path]
    with Server(place, *words, connect=connector(my.authority)) as server:
        line = [line for line in server.log_text().splitlines() if "event=tls_expires" in line]
    assert len(line) == 1 and "level=warn" in line[0] and "days=9" in line[0], line


@case
def tokens_come_and_go_while_the_server_runs(place):
    my = Place(place)
    token = my.token("feed-1", "feed")
    with Server(place, "--tokens", my.tokens, *LOOK, connect=connector(token=token)) as server:
        feed = Feed()
        requests = schema_requests(feed)
        stream = server.api.RankStream(requests)
        feed.put("first")
        equal(1, next(stream).correlation_id)
        second = my.token("feed-2", "feed")
        fresh = server.channel(connector(token=second))
        eventually(lambda: rank_code(fresh) == CODE.INVALID_ARGUMENT)  # it may; the request is empty
        equal(CODE.INVALID_ARGUMENT, rank_code(server.channel()))
        command(0, "token", "revoke", "--file", my.tokens, "--name", "feed-1")
        eventually(lambda: rank_code(server.channel()) == CODE.UNAUTHENTICATED)
        feed.put("second")
        equal("the token is not known", fails(CODE.UNAUTHENTICATED, lambda: next(stream)))
        feed.end()
        equal(CODE.INVALID_ARGUMENT, rank_code(fresh))


def schema_requests(feed):
    number = 0
    for _ in feed:
        number += 1
        request = client.schema.RankRequest(locale="hi-IN", candidate_ids=["v1"])
        yield client.schema.RankStreamRequest(correlation_id=number, request=request)


def rank_code(channel):
    try:
        channel.unary_unary("/reelrank.v1.RankingService/Rank")(b"", timeout=client.TIMEOUT)
        return CODE.OK
    except grpc.RpcError as error:
        return error.code()


@case
def bad_file_of_tokens_changes_nothing_and_is_told_of(place):
    my = Place(place)
    token = my.token("feed-1", "feed")
    with Server(place, "--tokens", my.tokens, *LOOK, connect=connector(token=token)) as server:
        my.tokens.write_text("reelrank-tokens 1\nfeed-1 feed\n")
        eventually(lambda: "event=tokens_refused" in server.log_text())
        assert "line 2: 2 fields" in server.log_text()
        equal(CODE.INVALID_ARGUMENT, rank_code(server.channel()))


@case
def token_ends_when_its_time_has_come(place):
    my = Place(place)
    token = my.token("feed-1", "feed", "--expires", 1)
    text = my.tokens.read_text()
    with Server(place, "--tokens", my.tokens, *LOOK, connect=connector(token=token)) as server:
        equal(CODE.INVALID_ARGUMENT, rank_code(server.channel()))
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        private(my.tokens, re.sub(r"\S+Z$", soon, text, flags=re.M).encode())
        eventually(lambda: rank_code(server.channel()) == CODE.UNAUTHENTICATED)


# What the page says.


def steps_of_the_page():
    """The commands of "Set up", each a script."""
    text = PAGE.read_text().split("## Set up")[1].split("## Options")[0]
    blocks = re.findall(r"((?:^       .*\n)+)", text, flags=re.M)
    return [re.sub(r"^       ", "", block, flags=re.M) for block in blocks]


@case
def steps_of_the_page_work(place):
    certificate, others, tokens, serve, status = steps_of_the_page()
    words = {"cwd": place, "check": True, "timeout": client.TIMEOUT, "shell": True, "executable": "/bin/bash",
             "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    named = "reelrank() { %s \"$@\"; }\n" % client.REELRANK
    for script in [certificate, others, tokens]:
        subprocess.run("set -e\n" + named + script, **words)
    options = serve.replace("\\\n", " ").split()
    options = options[options.index("--tls-cert"):]  # the address is this machine's, and any port
    files = [str(place / word) if not word.startswith("--") else word for word in options]
    with Bare(place, *files) as server:
        script = status.replace("localhost:7070", server.address)  # c-ares leaks the name of a host
        out = subprocess.run("set -e\n" + named + script, **words).stdout.decode()
        assert server.address in out, out
        token = (place / "feed-1.token").read_text().strip()
        equal("0o600", oct((place / "feed-1.token").stat().st_mode & 0o777))
        assert token not in (place / "tokens").read_text()


run()
