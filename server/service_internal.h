#ifndef SERVER_SERVICE_INTERNAL_H
#define SERVER_SERVICE_INTERNAL_H

#include <stdint.h>

#include "reelrank/v1/admin.pb-c.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "server/arm_counts.h"
#include "server/recent.h"
#include "server/service.h"
#include "store/weights_source.h"

/* Shared by the files behind service.h; one file for each service of the contract. */

struct service {
    /* Set once, read-only after. */
    struct store *store; /* these as in service_options */
    struct weights_life *life;
    const char *directory;
    struct journal *journal;
    struct metrics *metrics;
    void (*swapped)(const struct weights_swap *swap);
    struct recent *recent;   /* owned; has its own lock */
    struct arm_counts *arms; /* owned; likewise */
    int64_t started_ms;
};

/* Ends a turn with a failure. */
enum turn_step service_fail(struct turn *turn, enum status status, const char *text);

/* Ends a turn whose problem is set already. */
enum turn_step service_fail_as_set(struct turn *turn, enum status status);

enum turn_step service_answer(struct turn *turn, ProtobufCMessage *response);

/*
 * Takes memory for the answer, turn->response, before anything is written, so that a call whose
 * memory ends has changed nothing. finish() makes a message of it. False: there is none.
 */
bool service_reserve_answer(struct turn *turn, size_t size);

/* A batch of count zeroed entries in the turn's arena; NULL when it is full. */
struct batch *service_new_batch(struct turn *turn, size_t count);

/* Packs message into the arena as entry's payload; STATUS_NO_MEMORY when it is full. */
MUST_USE enum status service_put_payload(struct turn *turn, const ProtobufCMessage *message,
                                         struct entry *entry);

/* Copies string into the arena; NULL when it is full. */
char *service_copy(struct arena *arena, const char *string);

/* Tells whoever wants to know that weights came into force. */
void service_tell_swap(struct service *service, const struct weights_swap *swap);

/* Parses a source; what is wrong is told as the field's. */
MUST_USE enum status service_take_weights(struct turn *turn, const char *field,
                                          const struct weights_source *source,
                                          struct weights **out);

/* Fails the turn when the log refused its batch; the problem says why. Returns whether it is well.
 */
bool service_batch_is_written(struct turn *turn);

/* Reads a stored video back from the log into the turn's arena. */
MUST_USE enum status service_load_video(struct service *service, struct turn *turn,
                                        uint64_t video_key, struct video_source stored,
                                        Reelrank__V1__Video **out);

enum turn_step service_rank(void *context, struct turn *turn);
enum turn_step service_rank_stream(void *context, struct turn *turn);

enum turn_step service_record_signals(void *context, struct turn *turn);
void service_record_signals_finish(void *context, struct turn *turn);
enum turn_step service_stream_signals(void *context, struct turn *turn);
void service_stream_signals_finish(void *context, struct turn *turn);
enum turn_step service_upload_signals(void *context, struct turn *turn);
void service_upload_signals_finish(void *context, struct turn *turn);

enum turn_step service_upsert_videos(void *context, struct turn *turn);
void service_upsert_videos_finish(void *context, struct turn *turn);
enum turn_step service_delete_videos(void *context, struct turn *turn);
void service_delete_videos_finish(void *context, struct turn *turn);
enum turn_step service_get_videos(void *context, struct turn *turn);
enum turn_step service_list_videos(void *context, struct turn *turn);

enum turn_step service_get_user(void *context, struct turn *turn);
enum turn_step service_export_user(void *context, struct turn *turn);
enum turn_step service_forget_user(void *context, struct turn *turn);
void service_forget_user_finish(void *context, struct turn *turn);

enum turn_step service_check_weights(void *context, struct turn *turn);
void service_check_weights_finish(void *context, struct turn *turn);
enum turn_step service_apply_weights(void *context, struct turn *turn);
void service_apply_weights_finish(void *context, struct turn *turn);
enum turn_step service_rollback_weights(void *context, struct turn *turn);
void service_rollback_weights_finish(void *context, struct turn *turn);
enum turn_step service_get_weights(void *context, struct turn *turn);
void service_get_weights_finish(void *context, struct turn *turn);
enum turn_step service_list_weights(void *context, struct turn *turn);
void service_list_weights_finish(void *context, struct turn *turn);
enum turn_step service_diff_weights(void *context, struct turn *turn);
enum turn_step service_get_status(void *context, struct turn *turn);

#endif
