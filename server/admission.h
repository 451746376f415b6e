#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/method.h"

/*
 * Which of the calls that wait at one worker begin, in which order, and which are refused. Private
 * to the server; one thread, but for the counts, which any thread may read.
 *
 * Calls wait by class. Each class has a share of the worker's time, by start-time fair queueing
 * (Goyal, Vin, Cheng: "Start-time Fair Queueing", SIGCOMM 1996): the class that has had the least
 * for its share is next, so no class can starve another, and what one leaves the others have. Time
 * that a class takes of other threads counts, since they may want the same processor.
 *
 * How long a call may wait is controlled as in "Controlling Queue Delay" (Nichols, Jacobson, ACM
 * Queue 10, 2012), in the form for servers of "Fail at Scale" (Maurer, ACM Queue 13, 2015): a queue
 * that was empty within the last interval holds a burst, and its calls may wait for an interval.
 * One that was not empty has come to stay, and so has one that comes within four intervals of a
 * late call: calls in it that have waited for longer than the delay are late, and are refused as
 * there is time, the oldest first. The first come is first, but while there are late ones the last
 * come is, for it is the one whose client will wait long enough. Where all of a class are late none
 * begins, but while other classes wait, which would have its turn, the last one may have waited for
 * twice the delay. That needs no estimate of capacity.
 *
 * Messages of streams wait likewise, each stream's one at a time, and are never refused: flow
 * control holds the next one back.
 */
enum admission_class {
    ADMISSION_RANK, /* unary calls of RankingService */
    ADMISSION_RANK_STREAM,
    ADMISSION_SIGNAL, /* unary calls of SignalService */
    ADMISSION_SIGNAL_STREAM,
    ADMISSION_OTHER, /* of the other services of reelrank.v1 */
    ADMISSION_CLASS_COUNT,
    ADMISSION_NONE = ADMISSION_CLASS_COUNT /* health, reflection: never waits */
};

/* What waits. */
struct waiter {
    void *owner; /* whoever put it there */
    struct waiter *newer;
    struct waiter *older;
    int64_t arrived_ns;
    size_t bytes; /* of its request */
};

struct admission_options {
    int64_t delay_ns;    /* see above; 0: calls may wait for any time */
    int64_t interval_ns; /* likewise */
    size_t calls_max;    /* of each class, in progress at this worker */
    size_t bytes_max;    /* of the requests of each class that wait */
};

struct admission_counts {
    uint64_t begun;
    uint64_t late;    /* refused after waiting */
    uint64_t full;    /* refused at once: too many in progress, too many bytes */
    uint64_t expired; /* its deadline passed before it began */
};

struct admission_lane {
    struct waiter *oldest;
    struct waiter *newest;
    size_t waiting;
    size_t bytes;
    size_t in_progress;
    int64_t busy_since_ns; /* when one came after it was empty */
    int64_t entered_ns;    /* when the last one came; 0: never */
    int64_t late_ns;       /* when one was last seen to be late; 0: never */
    int64_t served_ns;     /* virtual: time had, divided by the share */
    atomic_uint_fast64_t begun;
    atomic_uint_fast64_t late;
    atomic_uint_fast64_t full;
    atomic_uint_fast64_t expired;
};

struct admission {
    struct admission_options options;
    struct admission_lane lanes[ADMISSION_CLASS_COUNT];
    enum admission_class turn;    /* of the last one taken */
    int64_t served_ns;            /* of its lane when it was taken */
    enum admission_class refused; /* of the last one that was late */
    size_t waiting;
    int64_t seen_ns;   /* the clock at the last look */
    int64_t absent_ns; /* of all time so far, what the queue does not see */
};

/* The class of a method. */
enum admission_class admission_class_of(const struct method *method);

/* "rank", "rank_stream" and so on, for logs and metrics. */
const char *admission_class_name(enum admission_class class);

void admission_init(struct admission *admission, const struct admission_options *options);

/*
 * The queue's time, for what follows, from a clock that never goes back; to be asked for at every
 * look at the queue. While calls wait, more than the delay between two looks counts as the delay:
 * a worker that was away, in the core or for want of a processor, has not been too slow, and what
 * waited meanwhile is no worse for it.
 */
int64_t admission_time(struct admission *admission, int64_t clock_ns);

/*
 * A call has come. False: its class has as many as it may, counted as full; the call is to be
 * refused. Either way admission_ended() follows once it is over.
 */
bool admission_arrived(struct admission *admission, enum admission_class class);
void admission_ended(struct admission *admission, enum admission_class class);

/*
 * Puts a call, or a stream's message, behind those of its class. False, counted as full, with
 * nothing changed: the class has no room for its bytes; a stream's message always has.
 */
bool admission_enter(struct admission *admission, enum admission_class class, struct waiter *waiter,
                     int64_t now_ns);

/* Takes what begins next; NULL: nothing waits but what is too late. */
struct waiter *admission_next(struct admission *admission, int64_t now_ns);

/* Takes one that has waited for too long and is to be refused, of one class after the other; NULL:
 * there is none. */
struct waiter *admission_late(struct admission *admission, int64_t now_ns);

/* The time that what was taken last needed. */
void admission_charge(struct admission *admission, int64_t spent_ns);

/* Time that a call of the class needs of other threads, as the writer's: it counts as the worker's.
 */
void admission_charge_elsewhere(struct admission *admission, enum admission_class class,
                                int64_t spent_ns);

/*
 * Whether there may be calls that nobody has read yet, of a class that none wait of while others
 * do: it has had some within the last four intervals.
 */
bool admission_misses(const struct admission *admission, int64_t now_ns);

/* Whether, within the last interval, calls of the class taken last have waited for too long. */
bool admission_is_overloaded(const struct admission *admission, int64_t now_ns);

/* What was taken last did not begin, since its deadline had passed. */
void admission_expired(struct admission *admission);

/* What became of calls so far, added to out. Any thread. */
void admission_counts(const struct admission *admission, enum admission_class class,
                      struct admission_counts *out);

#endif
