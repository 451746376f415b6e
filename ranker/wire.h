#ifndef RANKER_WIRE_H
#define RANKER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/rank.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/wire_codec.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/decision.pb-c.h"
#include "reelrank/v1/log.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"

/*
 * Between the contract's messages and the ranker's structs: the only place in ranker/ that sees
 * generated code, and the one place where the limits of limits.h are checked. A STATUS_INVALID
 * names the field in problem.
 */

/*
 * now_ms is the server's clock, used where the request leaves now_ms 0. Arrays lie in arena or in
 * message. The seed is a hash of user, candidates and request_id or, without that, of the time.
 */
MUST_USE enum status wire_rank_request(const Reelrank__V1__RankRequest *message, int64_t now_ms,
                                       struct arena *arena, struct rank_request *out,
                                       struct problem *problem);

/* The same, for a message that wire_unpack() has made notes of, or has not; notes is borrowed. */
MUST_USE enum status wire_rank_request_noted(const Reelrank__V1__RankRequest *message,
                                             const struct wire_notes *notes, int64_t now_ms,
                                             struct arena *arena, struct rank_request *out,
                                             struct problem *problem);

/* now_ms: the server's clock, for LIMIT_FUTURE_MS; 0 skips that test (reading back the log). */
MUST_USE enum status wire_signal(const Reelrank__V1__Signal *message, int64_t now_ms,
                                 struct signal *out, struct problem *problem);

/* The same, for a signal that wire_unpack() has made a note of, or has not: then all is zero. */
MUST_USE enum status wire_signal_noted(const Reelrank__V1__Signal *message,
                                       const struct wire_signal_note *note, int64_t now_ms,
                                       struct signal *out, struct problem *problem);

/* content_hash is left 0: the caller hashes the packed bytes. */
MUST_USE enum status wire_video(const Reelrank__V1__Video *message, struct video_facts *out,
                                struct problem *problem);

/*
 * Names a ranking before there is one, in arena: a hash of all that decides it, so equal answers
 * have equal names.
 */
MUST_USE enum status wire_ranking_id(const Reelrank__V1__RankRequest *message,
                                     const struct rank_request *request,
                                     const struct weights_chosen *chosen, uint64_t state_sequence,
                                     struct arena *arena, const char **out);

/*
 * Builds the answer to message in arena: slate or packed form, dropped, versions, the experiments'
 * arms. chosen is what the request was ranked by; its texts are copied. ranking_id lives as long as
 * the answer.
 */
MUST_USE enum status wire_rank_response(const Reelrank__V1__RankRequest *message,
                                        const struct rank_request *request,
                                        const struct rank_result *result,
                                        const struct weights_chosen *chosen, const char *ranking_id,
                                        struct arena *arena, Reelrank__V1__RankResponse **out);

/*
 * Packs what the journal keeps of an answer, a reelrank.v1.Decision, into arena. request is what
 * message means, response the answer to it; time_ms is the server's clock. The totals of terms are
 * kept where request asked for them. request_bytes is message as it was received, which saves
 * packing it again; empty where that is not known.
 */
MUST_USE enum status wire_decision(const Reelrank__V1__RankRequest *message,
                                   struct text request_bytes, const struct rank_request *request,
                                   const struct rank_result *result,
                                   const Reelrank__V1__RankResponse *response, int64_t time_ms,
                                   struct arena *arena, struct text *out);

/* Checks item index of a list of ids: 1 to LIMIT_ID_BYTES bytes of UTF-8. */
MUST_USE enum status wire_id(const char *field, size_t index, const char *id,
                             struct problem *problem);

/* protobuf-c's allocator over an arena: free does nothing. Lives as long as arena. */
ProtobufCAllocator wire_allocator(struct arena *arena);

#endif
