#ifndef REPLAY_TIMELINE_H
#define REPLAY_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/limits.h"
#include "ranker/problem.h"
#include "ranker/rank.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "reelrank/v1/decision.pb-c.h"
#include "replay/outcome.h"

/*
 * Past rankings, each told with the state of its time: a walk along the events in the order of the
 * log, which are applied to a state one by one. A ranking is told before anything is applied that
 * came after it, so nothing leaks from the future.
 *
 * Where rankings come from:
 *
 *   RANKINGS_DECISIONS    journaled answers (reelrank.v1.Decision), with all their candidates. The
 *                         state is that of the place where the decision stands among the events.
 *   RANKINGS_IMPRESSIONS  videos shown together: impressions with the same user and ranking_id, or
 *                         without one those of a user within TIMELINE_SCREEN_MS of the first. The
 *                         state is that before the first of them; the candidates are all of them,
 *                         as far as they come within TIMELINE_AHEAD_MS and TIMELINE_AHEAD_EVENTS.
 *   RANKINGS_OUTCOMES     for logs that know no impressions: each video that earned the label, and
 *                         `negatives` others, drawn with equal chances from the catalogue of the
 *                         moment. The state is that before the user's first signal of the view.
 *
 * To know what is shown together before it is applied, events wait in memory: those of the last
 * TIMELINE_AHEAD_MS of the log, at most TIMELINE_AHEAD_EVENTS of about 150 bytes each. Where
 * nothing is to be known beforehand, a few wait, to be applied faster together.
 */
enum ranking_origin { RANKINGS_DECISIONS, RANKINGS_IMPRESSIONS, RANKINGS_OUTCOMES };

enum {
    TIMELINE_SCREEN_MS = 5 * 60 * 1000,
    TIMELINE_AHEAD_MS = 15 * 60 * 1000,
    TIMELINE_AHEAD_EVENTS = 1 << 20,
    TIMELINE_NEGATIVES_MAX = 1000
};

struct past_ranking {
    int64_t time_ms;
    uint64_t user_key;    /* 0: a visitor */
    uint64_t ranking_key; /* 0: not named */
    /* All candidates, without a limit on how many come back. */
    const struct rank_request *request;
    /* What was served, as candidate indices by position; served_count 0: not known. */
    const uint32_t *served;
    size_t served_count;
    uint32_t first_position;    /* of served[0], from 1 */
    const uint32_t *positions;  /* of served, from 1, where some between are not known; or NULL */
    bool is_part;               /* of a slate: what stood above is not known, nor what followed */
    const double *propensities; /* by served position; NULL: all 1 */
    const struct outcome *outcomes; /* by candidate, where known by now: RANKINGS_OUTCOMES */
    const Reelrank__V1__Decision *decision; /* NULL, or what the ranking was read from */
};

/* What tells apart those whom rankings are of: the user's key or, of a visitor, the ranking's. */
uint64_t past_ranking_unit(const struct past_ranking *ranking);

struct timeline_counts {
    uint64_t events;    /* applied; all of them after timeline_end() */
    uint64_t signals;   /* of those */
    uint64_t rankings;  /* told */
    uint64_t single;    /* with fewer candidates than are told: there is nothing to rank */
    uint64_t refused;   /* decisions whose request breaks today's contract */
    uint64_t cut_short; /* told before all that belongs together could be waited for */
    int64_t first_ms;   /* of signals and decisions; 0: there are none */
    int64_t last_ms;
};

struct timeline_options {
    enum ranking_origin origin;
    struct locale locale; /* of impressions that name none */
    unsigned age_years;   /* of users of impressions and outcomes; 0: unknown */
    enum label label;     /* RANKINGS_OUTCOMES */
    unsigned negatives;   /* RANKINGS_OUTCOMES: 1 to TIMELINE_NEGATIVES_MAX */
    uint64_t seed;        /* of their draw */
    size_t ahead_events;  /* TIMELINE_AHEAD_EVENTS but in tests */
    bool singles;         /* also tell rankings with one candidate */
    /*
     * Called for each ranking, and for each signal right before it is applied; duration_ms is the
     * catalogue's of its video, 0 unknown. Any return but STATUS_OK ends the walk with it.
     */
    enum status (*ranking)(void *context, const struct past_ranking *ranking,
                           const struct state *state);
    enum status (*signal)(void *context, const struct signal *signal, int64_t duration_ms,
                          const struct state *state);
    void *context;
};

struct timeline;

/*
 * Takes the state, which may hold what came before the events. options are copied. NULL when memory
 * is short, and the state is the caller's still.
 */
struct timeline *timeline_new(struct state *state, const struct timeline_options *options);
void timeline_free(struct timeline *timeline);

/*
 * The next event, in the order of the log. time_ms is a signal's own, or that of what came before.
 * Status as of the calls above; STATUS_NO_MEMORY; as of state_apply().
 */
MUST_USE enum status timeline_event(struct timeline *timeline, int64_t time_ms,
                                    const struct event *event);

/* The same of an EVENT_VIDEO that speaks of some fields only (overlay.h). */
MUST_USE enum status timeline_video(struct timeline *timeline, int64_t time_ms,
                                    const struct event *event, uint32_t fields);

/*
 * A decision at its place among the events; it is passed over unless rankings come from decisions.
 * Its lists must be whole: each of n_order, n_scores and n_propensities is 0 or n_order, and order
 * is within the request's candidates.
 */
MUST_USE enum status timeline_decision(struct timeline *timeline,
                                       const Reelrank__V1__Decision *decision);

/* After the last event: applies what still waits. */
MUST_USE enum status timeline_end(struct timeline *timeline);

const struct state *timeline_state(const struct timeline *timeline);
const struct timeline_counts *timeline_counts(const struct timeline *timeline);

#endif
