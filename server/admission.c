#include "server/admission.h"

#include <string.h>

#include "ranker/check.h"

enum {
    MEMORY_INTERVALS = 4, /* behind a late call, in which nothing is taken for a burst */
    LATE_DELAYS = 2       /* that a late call may have waited and still begin */
};

/* Shares of a worker's time while all classes wait. */
static const struct {
    const char *name;
    int share;
    bool stream;
} classes[ADMISSION_CLASS_COUNT] = {
    [ADMISSION_RANK] = {"rank", 4, false},
    [ADMISSION_RANK_STREAM] = {"rank_stream", 4, true},
    [ADMISSION_SIGNAL] = {"signal", 3, false},
    [ADMISSION_SIGNAL_STREAM] = {"signal_stream", 3, true},
    [ADMISSION_OTHER] = {"other", 2, false},
};

enum admission_class admission_class_of(const struct method *method)
{
    const char *service = method->service->name;
    bool unary = method->kind == METHOD_UNARY;
    if (strcmp(service, "reelrank.v1.RankingService") == 0) {
        return unary ? ADMISSION_RANK : ADMISSION_RANK_STREAM;
    }
    if (strcmp(service, "reelrank.v1.SignalService") == 0) {
        return unary ? ADMISSION_SIGNAL : ADMISSION_SIGNAL_STREAM;
    }
    return strncmp(service, "reelrank.", strlen("reelrank.")) == 0 ? ADMISSION_OTHER
                                                                   : ADMISSION_NONE;
}

const char *admission_class_name(enum admission_class class)
{
    CHECK(class < ADMISSION_CLASS_COUNT);
    return classes[class].name;
}

static void count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void admission_init(struct admission *admission, const struct admission_options *options)
{
    CHECK(options->interval_ns >= options->delay_ns);
    *admission = (struct admission){.options = *options};
}

int64_t admission_time(struct admission *admission, int64_t clock_ns)
{
    int64_t gap_ns = clock_ns - admission->seen_ns;
    if (admission->waiting > 0 && gap_ns > admission->options.delay_ns) {
        admission->absent_ns += gap_ns - admission->options.delay_ns;
    }
    admission->seen_ns = clock_ns;
    return clock_ns - admission->absent_ns;
}

bool admission_arrived(struct admission *admission, enum admission_class class)
{
    struct admission_lane *lane = &admission->lanes[class];
    lane->in_progress++;
    bool fits = lane->in_progress <= admission->options.calls_max;
    if (!fits) {
        count(&lane->full);
    }
    return fits;
}

void admission_ended(struct admission *admission, enum admission_class class)
{
    struct admission_lane *lane = &admission->lanes[class];
    CHECK(lane->in_progress > 0);
    lane->in_progress--;
}

/* A class that had nothing to do has not saved up any time. */
static void wake(struct admission *admission, struct admission_lane *lane, int64_t now_ns)
{
    lane->busy_since_ns = now_ns;
    if (lane->served_ns < admission->served_ns) {
        lane->served_ns = admission->served_ns;
    }
}

bool admission_enter(struct admission *admission, enum admission_class class, struct waiter *waiter,
                     int64_t now_ns)
{
    struct admission_lane *lane = &admission->lanes[class];
    if (!classes[class].stream && lane->oldest != NULL &&
        lane->bytes + waiter->bytes > admission->options.bytes_max) {
        count(&lane->full);
        return false;
    }
    if (lane->oldest == NULL) {
        wake(admission, lane, now_ns);
        lane->oldest = waiter;
    } else {
        lane->newest->newer = waiter;
    }
    waiter->older = lane->newest;
    waiter->newer = NULL;
    waiter->arrived_ns = now_ns;
    lane->entered_ns = now_ns;
    lane->newest = waiter;
    lane->bytes += waiter->bytes;
    lane->waiting++;
    admission->waiting++;
    return true;
}

static void leave(struct admission *admission, struct admission_lane *lane, struct waiter *waiter)
{
    *(waiter->older != NULL ? &waiter->older->newer : &lane->oldest) = waiter->newer;
    *(waiter->newer != NULL ? &waiter->newer->older : &lane->newest) = waiter->older;
    lane->bytes -= waiter->bytes;
    lane->waiting--;
    admission->waiting--;
}

static bool is_controlled(const struct admission *admission, enum admission_class class)
{
    return admission->options.delay_ns > 0 && !classes[class].stream;
}

/* Whether calls have been late within the last intervals. */
static bool was_late(const struct admission *admission, const struct admission_lane *lane,
                     int64_t now_ns, int intervals)
{
    return lane->late_ns != 0 &&
           now_ns - lane->late_ns <= admission->options.interval_ns * intervals;
}

static bool is_standing(const struct admission *admission, enum admission_class class,
                        int64_t now_ns)
{
    const struct admission_lane *lane = &admission->lanes[class];
    return is_controlled(admission, class) &&
           (now_ns - lane->busy_since_ns > admission->options.interval_ns ||
            was_late(admission, lane, now_ns, MEMORY_INTERVALS));
}

static bool is_late(const struct admission *admission, enum admission_class class,
                    const struct waiter *waiter, int64_t now_ns)
{
    if (!is_controlled(admission, class)) {
        return false;
    }
    bool standing = is_standing(admission, class, now_ns);
    int64_t most_ns = standing ? admission->options.delay_ns : admission->options.interval_ns;
    return now_ns - waiter->arrived_ns > most_ns;
}

/*
 * Whether the newest call of a class, which is late, may begin none the less. Where other classes
 * wait it may, for a while: its class would lose its turn to them, and not have it when what is
 * refused has made room for new calls.
 */
static bool begins_late(const struct admission *admission, const struct admission_lane *lane,
                        int64_t now_ns)
{
    return admission->waiting > lane->waiting &&
           now_ns - lane->newest->arrived_ns <= LATE_DELAYS * admission->options.delay_ns;
}

/* What of the class may begin; NULL: nothing. */
static struct waiter *candidate(struct admission *admission, enum admission_class class,
                                int64_t now_ns)
{
    struct admission_lane *lane = &admission->lanes[class];
    if (lane->oldest == NULL) {
        return NULL;
    }
    if (!is_late(admission, class, lane->oldest, now_ns)) {
        return lane->oldest;
    }
    lane->late_ns = now_ns;
    bool begins =
        !is_late(admission, class, lane->newest, now_ns) || begins_late(admission, lane, now_ns);
    return begins ? lane->newest : NULL;
}

struct waiter *admission_next(struct admission *admission, int64_t now_ns)
{
    struct waiter *next = NULL;
    for (unsigned i = 0; i < ADMISSION_CLASS_COUNT; i++) {
        struct waiter *waiter = candidate(admission, (enum admission_class)i, now_ns);
        if (waiter != NULL && (next == NULL || admission->lanes[i].served_ns <
                                                   admission->lanes[admission->turn].served_ns)) {
            next = waiter;
            admission->turn = (enum admission_class)i;
        }
    }
    if (next != NULL) {
        struct admission_lane *lane = &admission->lanes[admission->turn];
        leave(admission, lane, next);
        count(&lane->begun);
        admission->served_ns = lane->served_ns;
    }
    return next;
}

struct waiter *admission_late(struct admission *admission, int64_t now_ns)
{
    for (unsigned i = 1; i <= ADMISSION_CLASS_COUNT; i++) {
        enum admission_class class =
            (enum admission_class)((admission->refused + i) % ADMISSION_CLASS_COUNT);
        struct admission_lane *lane = &admission->lanes[class];
        struct waiter *waiter = lane->oldest;
        if (waiter != NULL && is_late(admission, class, waiter, now_ns)) {
            lane->late_ns = now_ns;
            leave(admission, lane, waiter);
            count(&lane->late);
            admission->refused = class;
            return waiter;
        }
    }
    return NULL;
}

void admission_charge(struct admission *admission, int64_t spent_ns)
{
    admission_charge_elsewhere(admission, admission->turn, spent_ns);
}

void admission_charge_elsewhere(struct admission *admission, enum admission_class class,
                                int64_t spent_ns)
{
    CHECK(class < ADMISSION_CLASS_COUNT);
    admission->lanes[class].served_ns += spent_ns / classes[class].share;
}

bool admission_misses(const struct admission *admission, int64_t now_ns)
{
    int64_t recent_ns = admission->options.interval_ns * MEMORY_INTERVALS;
    for (unsigned i = 0; i < ADMISSION_CLASS_COUNT && admission->waiting > 0; i++) {
        const struct admission_lane *lane = &admission->lanes[i];
        if (lane->waiting == 0 && lane->entered_ns != 0 && now_ns - lane->entered_ns < recent_ns) {
            return true;
        }
    }
    return false;
}

bool admission_is_overloaded(const struct admission *admission, int64_t now_ns)
{
    return was_late(admission, &admission->lanes[admission->turn], now_ns, 1);
}

void admission_expired(struct admission *admission)
{
    struct admission_lane *lane = &admission->lanes[admission->turn];
    atomic_fetch_sub_explicit(&lane->begun, 1, memory_order_relaxed);
    count(&lane->expired);
}

static uint64_t read(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void admission_counts(const struct admission *admission, enum admission_class class,
                      struct admission_counts *out)
{
    const struct admission_lane *lane = &admission->lanes[class];
    out->begun += read(&lane->begun);
    out->late += read(&lane->late);
    out->full += read(&lane->full);
    out->expired += read(&lane->expired);
}
