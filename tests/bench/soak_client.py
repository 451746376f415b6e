"""A stock client that makes calls of every kind and counts what it is answered (soak_counts.py)."""

import client
import grpc

from soak_counts import UNKNOWN_TYPE

DAY_MS = 24 * 3600 * 1000
TYPES = ["IMPRESSION", "PLAY", "WATCH", "COMPLETE", "SKIP", "LIKE", "UNLIKE", "SHARE", "COMMENT", "FOLLOW_CREATOR",
         "UNFOLLOW_CREATOR", "NOT_INTERESTED", "HIDE_CREATOR", "REPORT"]


class Client:
    """counts and failures are borrowed. One connection, by the first call."""

    def __init__(self, port, counts, failures):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", client.CHANNEL_OPTIONS)
        self.api = client.Api(self.channel)
        self.counts = counts
        self.failures = failures
        self.calls = 0
        self.number = 0  # of ids that must be new
        self.guest = 0  # the last user

    def close(self):
        self.channel.close()

    def new_id(self, kind):
        self.number += 1
        return f"{kind}-{self.number}"

    def new_guest(self):
        self.guest += 1
        return f"guest-{self.guest}"

    def call(self, name, want="OK", requests=None, **values):
        """The answer, or the list of a stream's answers; None without one. Another code than want is a failure."""
        self.calls += 1
        answer, code = None, "OK"
        try:
            given = getattr(self.api, name)(requests and iter(requests), **values)
            answer = list(given) if hasattr(given, "__next__") else given
        except grpc.RpcError as error:
            code = error.code().name
            if code != want:
                self.failures.note(name, error)
        else:
            if code != want:
                self.failures.note(name, f"OK instead of {want}")
        self.count_call(name, code, requests, answer)
        return answer

    def count_call(self, name, code, requests, answer):
        method = client.schema.methods[name]
        service = method.containing_service.name
        streams = requests is not None or isinstance(answer, list)
        begun = 1 if requests is None else len(requests)
        answered = 1
        if isinstance(answer, list):
            answered = len(answer)
        elif requests is not None:
            answered = len(requests) + 1  # of a client's stream: each message, and the whole
        self.counts.ended(service, name, code)
        self.counts.messages(service, name, begun, answered, unary=not streams)

    # --- rankings ---

    def count_ranking(self, answer, candidates):
        drops = {}
        for dropped in answer.dropped:
            drops[dropped.rule] = drops.get(dropped.rule, 0) + 1
        if len(answer.slate) + len(answer.dropped) != candidates:
            self.failures.note("Rank", f"{candidates} candidates, {len(answer.slate)} shown, {len(answer.dropped)} dropped")
        self.counts.rankings(1, candidates, len(answer.slate), drops)

    def rank(self, ids, **values):
        answer = self.call("Rank", candidate_ids=ids, locale="hi-IN", age_years=25, **values)
        if answer is not None:
            self.count_ranking(answer, len(ids))
        return answer

    def rank_twice(self, ids):
        """The repeat of a request gets the same answer, from memory."""
        values = {"request_id": self.new_id("request"), "limit": 10}
        first = self.rank(ids, **values)
        again = self.call("Rank", candidate_ids=ids, locale="hi-IN", age_years=25, **values)
        if first is not None and again is not None:
            self.counts.add("reelrank_rank_repeats_total")
            if first.SerializeToString(deterministic=True) != again.SerializeToString(deterministic=True):
                self.failures.note("Rank", "the repeat of a request got another answer")

    def rank_wrongly(self, ids):
        self.call("Rank", "INVALID_ARGUMENT", candidate_ids=ids, locale="not a locale")

    def rank_stream(self, ids):
        """Three requests, the second of which is refused without an end of the stream."""
        requests = []
        for number, locale in enumerate(["hi-IN", "not a locale", "ru-RU"], 1):
            request = self.api.request("Rank", candidate_ids=ids, locale=locale, age_years=25)
            requests.append(self.api.request("RankStream", correlation_id=number, request=request))
        for answer in self.call("RankStream", requests=requests) or []:
            if answer.HasField("response"):
                self.count_ranking(answer.response, len(ids))
            else:
                code = grpc.StatusCode.INVALID_ARGUMENT
                self.counts.add("reelrank_rank_stream_errors_total", code=code.name)
                if (answer.correlation_id, answer.error.code) != (2, code.value[0]):
                    self.failures.note("RankStream", f"request {answer.correlation_id}: {answer.error.message}")

    # --- signals ---

    def signals(self, now_ms, video_id):
        """One of each type, one of them twice, and two that are rejected."""
        user = self.new_guest()
        signals = [self.signal(kind, user, video_id, now_ms) for kind in TYPES]
        signals.append(signals[0])
        signals.append(self.signal("LIKE", user, video_id, now_ms + 1000 * DAY_MS))
        signals.append(client.schema.Signal(user_id=user, video_id=video_id, time_ms=now_ms))
        return signals, ["ACCEPTED"] * len(TYPES) + ["DUPLICATE", "REJECTED", "REJECTED"]

    def signal(self, kind, user, video_id, time_ms):
        return client.schema.Signal(event_id=self.new_id("event"), user_id=user, video_id=video_id,
                                    type="SIGNAL_TYPE_" + kind, time_ms=time_ms)

    def count_signals(self, signals, want, answer):
        names = client.schema.pool.FindEnumTypeByName("reelrank.v1.SignalOutcome").values_by_number
        outcomes = [names[result.outcome].name[len("SIGNAL_OUTCOME_") :] for result in answer.results]
        if outcomes != want:
            self.failures.note("signals", f"outcomes {outcomes}")
        for signal, outcome in zip(signals, outcomes):
            self.counts.signals(TYPES[signal.type - 1] if signal.type > 0 else UNKNOWN_TYPE, outcome)

    def record(self, now_ms, video_id):
        signals, want = self.signals(now_ms, video_id)
        answer = self.call("RecordSignals", signals=signals)
        if answer is not None:
            self.count_signals(signals, want, answer)

    def stream(self, now_ms, video_id):
        sent = [self.signals(now_ms, video_id) for _ in range(3)]
        requests = [self.api.request("StreamSignals", batch_id=i, signals=signals)
                    for i, (signals, _) in enumerate(sent)]
        for answer in self.call("StreamSignals", requests=requests) or []:
            self.count_signals(*sent[answer.batch_id], answer)

    def upload(self, now_ms, video_id):
        """Only totals are answered, so all are of one kind."""
        user = self.new_guest()
        requests = [self.api.request("UploadSignals", signals=[self.signal("PLAY", user, video_id, now_ms)] * count)
                    for count in (1, 2)]
        answer = self.call("UploadSignals", requests=requests)
        if answer is not None:
            if (answer.accepted, answer.duplicate, answer.rejected) != (2, 1, 0):
                self.failures.note("UploadSignals", f"totals {answer}")
            self.counts.signals("PLAY", "ACCEPTED", answer.accepted)
            self.counts.signals("PLAY", "DUPLICATE", answer.duplicate)
            self.counts.signals("PLAY", "REJECTED", answer.rejected)

    # --- the others ---

    def look(self, ids):
        """Calls that change nothing; of a user who has just sent signals."""
        user = f"guest-{self.guest}"
        self.call("GetVideos", video_ids=ids, statistics=True)
        self.call("ListVideos", page_size=10)
        self.call("ListWeights")
        self.call("GetWeights")
        self.call("GetUser", user_id=user)
        self.call("GetUser", "INVALID_ARGUMENT")
        self.call("CheckWeights", weights_yaml="version: check\n")
        self.call("ExportUser", user_id=user)
        self.unknown()

    def unknown(self):
        """A method that no server has."""
        self.calls += 1
        try:
            self.channel.unary_unary("/reelrank.v1.RankingService/Guess")(b"", timeout=client.TIMEOUT)
            self.failures.note("an unknown method", "OK")
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                self.failures.note("an unknown method", error)
        self.counts.unknown_method()
