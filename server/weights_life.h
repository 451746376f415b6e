#ifndef SERVER_WEIGHTS_LIFE_H
#define SERVER_WEIGHTS_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/weights.h"
#include "store/log.h"
#include "store/weights_history.h"

/*
 * The weights in force and how others come into force: what is to serve is first on disk in the
 * log's history, then swapped in. Any thread; changes wait for each other and for the disk, so they
 * are not for workers.
 */
struct weights_life;

enum { WEIGHTS_PROBLEM_SIZE = sizeof(((struct problem *)NULL)->text) };

/* Of the weights in force. */
struct weights_facts {
    char version[WEIGHTS_VERSION_SIZE];
    enum weights_origin origin;
    int64_t time_ms; /* since when */
    uint64_t number; /* of their change in the history; 0: they are not kept there */
    /* Why these serve and not what should: of the weights file or the history; empty: all well. */
    struct problem problem;
};

/*
 * Borrows log. In force is what the history says; where that cannot be read, or this program
 * refuses it, the newest before it that will do, with facts.problem set; without any the built-in
 * weights. Those also follow the program: a newer program's replace an older one's. Changes nothing
 * on disk. STATUS_NO_MEMORY.
 */
MUST_USE enum status weights_life_new(struct log *log, struct weights_life **out);
void weights_life_free(struct weights_life *life); /* NULL is allowed */

/* The weights in force; the caller ends the reference with weights_unref(). Never waits. */
struct weights *weights_life_ref(struct weights_life *life);

void weights_life_facts(struct weights_life *life, struct weights_facts *out);

/* What is wrong with the weights file, for facts.problem; "" for nothing. */
void weights_life_set_problem(struct weights_life *life, const char *text);

/* Puts weights in force for this process alone; takes the reference. */
void weights_life_use(struct weights_life *life, struct weights *weights);

/* What a change did. */
struct weights_swap {
    char version[WEIGHTS_VERSION_SIZE];  /* in force now */
    char previous[WEIGHTS_VERSION_SIZE]; /* and before */
    bool unchanged;                      /* they were in force already; nothing was written */
    uint64_t number;                     /* of the change in the history */
    enum weights_origin origin;
};

/* What is to come into force. */
struct weights_arrival {
    const struct weights_source *source;
    struct weights *weights; /* parsed from source */
    enum weights_origin origin;
    const char *note; /* at most LIMIT_TITLE_BYTES */
    int64_t now_ms;
};

/*
 * Puts weights in force that are kept on disk by then; gets a reference of its own. Those in force
 * already change nothing, whatever the note. Of ORIGIN_FILE it also notes what was last read.
 * Status as weights_history_add(), with the old ones in force still.
 */
MUST_USE enum status weights_life_apply(struct weights_life *life,
                                        const struct weights_arrival *arrival,
                                        struct weights_swap *out, struct problem *problem);

/* Keeps the weights in force if they are the built-in ones and not kept yet. As above. */
MUST_USE enum status weights_life_keep(struct weights_life *life, int64_t now_ms,
                                       struct weights_swap *out, struct problem *problem);

/* What is to come back. */
struct weights_return {
    const char *wanted; /* as for weights_life_find(); empty: the last that is not in force now */
    const char *note;   /* at most LIMIT_TITLE_BYTES */
    int64_t now_ms;
};

/*
 * Puts a version of the history in force again. STATUS_INVALID also when this program refuses it;
 * else as above and below.
 */
MUST_USE enum status weights_life_rollback(struct weights_life *life,
                                           const struct weights_return *back,
                                           struct weights_swap *out, struct problem *problem);

/*
 * The newest change to a version: its NAME, a beginning of NAME@HASH from the "@" on, or of HASH,
 * of at least 4 digits; empty: the one in force. STATUS_NOT_FOUND: none, problem naming the
 * nearest; STATUS_INVALID: it may be more than one version.
 */
MUST_USE enum status weights_life_find(struct weights_life *life, const char *wanted,
                                       struct weights_change *out, struct problem *problem);

/* What a change was made of; as weights_history_load(). Number 0: the built-in weights. */
MUST_USE enum status weights_life_load(struct weights_life *life,
                                       const struct weights_change *change,
                                       struct weights_kept *out, struct problem *problem);

struct log *weights_life_log(struct weights_life *life);

/* Says the first of problems and how many there are: "2 problems, the first at 3:22: ...". */
void weights_problems_sum_up(const struct weights_problems *problems, struct problem *out);

#endif
