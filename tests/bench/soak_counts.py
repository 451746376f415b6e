"""What clients have seen, in the server's own names of counters, and whether the server has counted the same."""

from exposition import key, key_text

SERVICE = "reelrank.v1."
CODES = ["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
         "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
         "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"]
# Of such a call nobody knows whether the server has begun it, so nothing can add up exactly behind one.
UNKNOWN_OUTCOMES = {"CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE", "none"}
UNKNOWN_TYPE = "unspecified"

# Every line of these must be what clients have seen, those that they have never seen too.
COUNTERS = [
    "reelrank_calls_total",
    "reelrank_call_duration_seconds_count",
    "reelrank_admissions_total",
    "reelrank_connections_total",
    "reelrank_rankings_total",
    "reelrank_rank_repeats_total",
    "reelrank_rank_stream_errors_total",
    "reelrank_rank_candidates_count",
    "reelrank_rank_candidates_sum",
    "reelrank_positions_total",
    "reelrank_scores_count",
    "reelrank_drops_total",
    "reelrank_signals_total",
    "reelrank_weights_change",
]


def class_of(service, unary):
    """The class of admission that messages wait in."""
    names = {"RankingService": "rank", "SignalService": "signal"}
    if service not in names:
        return "other"
    return names[service] if unary else names[service] + "_stream"


class Counts:
    """What clients have seen: counters by key()."""

    def __init__(self):
        self.values = {}
        self.unknown = 0  # calls of which nobody knows what the server made of them

    def add(self, name, count=1, **labels):
        counter = key(name, **labels)
        self.values[counter] = self.values.get(counter, 0) + count

    def ended(self, service, method, code, count=1):
        """Calls that ended with a code."""
        self.add("reelrank_calls_total", count, service=SERVICE + service, method=method, code=code)
        self.unknown += count if code in UNKNOWN_OUTCOMES else 0

    def messages(self, service, method, begun, answered, unary):
        """Of one or more calls."""
        labels = {"class": class_of(service, unary), "outcome": "begun"}
        self.add("reelrank_admissions_total", begun, **labels)
        self.add("reelrank_call_duration_seconds_count", answered, service=SERVICE + service, method=method)

    def unknown_method(self):
        self.add("reelrank_calls_total", service="unknown", method="unknown", code="UNIMPLEMENTED")

    def connections(self, count):
        self.add("reelrank_connections_total", count, outcome="accepted")

    def rankings(self, count, candidates, positions, drops):
        """drops: {rule: count} over all of them."""
        self.add("reelrank_rankings_total", count)
        self.add("reelrank_rank_candidates_count", count)
        self.add("reelrank_rank_candidates_sum", candidates)
        self.add("reelrank_positions_total", positions)
        self.add("reelrank_scores_count", positions)
        for rule, number in drops.items():
            self.add("reelrank_drops_total", number, rule=rule.lower())

    def signals(self, kind, outcome, count=1):
        """kind, outcome: names without their prefixes, in any case."""
        self.add("reelrank_signals_total", count, type=kind.lower(), outcome=outcome.lower())

    def statuses(self, service, method, statuses):
        """What a program of tests/bench has counted, of a unary method."""
        for status, count in statuses.items():
            self.ended(service, method, "none" if status == "none" else CODES[int(status)], count)
            self.messages(service, method, count, count, unary=True)

    def compare(self, before, after):
        """(how many counters, [(text, what clients saw, what the server counted)] where these differ)."""
        counters = {counter for counter in {*after, *self.values} if counter[0] in COUNTERS}
        differing = []
        for counter in sorted(counters):
            counted = after.get(counter, 0) - before.get(counter, 0)
            seen = self.values.get(counter, 0)
            if counted != seen:
                differing.append((key_text(counter), seen, counted))
        return len(counters), differing
