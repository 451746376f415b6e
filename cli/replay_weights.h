#ifndef CLI_REPLAY_WEIGHTS_H
#define CLI_REPLAY_WEIGHTS_H

#include <jansson.h>

#include "cli/command.h"
#include "replay/contender.h"
#include "store/log.h"
#include "store/weights_file.h"
#include "store/weights_history.h"

/*
 * The contenders that a command line names: weights files, versions of a data directory's history,
 * "current" for the last of it, "default" for those built in; what was served; and baselines.
 */
struct replay_weights {
    struct weights *weights; /* a reference */
    struct text yaml;        /* borrowed from what follows */
    struct weights_file *file;
    struct weights_kept kept;
};

/*
 * Reads one; log is that of the data directory, or NULL. Says what is wrong with a file on stderr,
 * line by line. Whatever comes of it, the caller ends *out with replay_weights_release().
 */
MUST_USE enum status replay_weights_read(const char *name, struct log *log,
                                         struct replay_weights *out, struct problem *problem);
/* The text with the model files that it names, borrowed. */
struct weights_source replay_weights_source(const struct replay_weights *weights);

/* All zero is allowed. */
void replay_weights_release(struct replay_weights *weights);

struct replay_contenders {
    struct contenders contenders;
    struct replay_weights weights[CONTENDERS_MAX];
    size_t weights_count;
    size_t first_weights; /* the contender that is weights[0]; the others follow */
};

/* Where what was served stands: estimates are compared with it, rankings with the first weights. */
enum served_place { SERVED_NOT, SERVED_FIRST, SERVED_LAST };

/* Enough room for weights is checked by most_operands. */
enum { REPLAY_WEIGHTS_MAX = 6 };

/*
 * Whether baselines are known, and few enough beside so many weights and what was served.
 * STATUS_INVALID, with problem.
 */
MUST_USE enum status replay_baselines_check(const struct argument_texts *baselines,
                                            size_t weights_count, struct problem *problem);

/*
 * Reads them, each as replay_weights_read(); baselines were checked. Whatever comes of it, the
 * caller ends *out with replay_contenders_release().
 */
MUST_USE enum status replay_contenders_read(const struct operands *operands,
                                            const struct argument_texts *baselines,
                                            enum served_place served, uint64_t seed,
                                            struct log *log, struct replay_contenders *out,
                                            struct problem *problem);
void replay_contenders_release(struct replay_contenders *contenders);

/* "contenders" and "changes" of a report. */
json_t *replay_contenders_json(const struct replay_contenders *contenders);
json_t *replay_changes_json(const struct replay_contenders *contenders);

#endif
