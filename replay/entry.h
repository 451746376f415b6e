#ifndef REPLAY_ENTRY_H
#define REPLAY_ENTRY_H

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "reelrank/v1/log.pb-c.h"

/*
 * What a line of a log means to the state, checked as the server checks it but for the clock.
 * STATUS_INVALID: problem, which may be NULL, names the field.
 */
MUST_USE enum status entry_event(const Reelrank__V1__LogEntry *entry, struct event *out,
                                 struct problem *problem);

/*
 * The bytes of an event that mean something: of a signal, the large rest of the union is left out.
 * A copy of them alone is to be read as its kind only.
 */
size_t entry_event_size(const struct event *event);

#endif
