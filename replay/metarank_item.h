#ifndef REPLAY_METARANK_ITEM_H
#define REPLAY_METARANK_ITEM_H

#include <jansson.h>

#include "replay/patch.h"

/* Copies of what is cut. */
struct metarank_texts {
    char title[LIMIT_TITLE_BYTES + 1];
};

/*
 * What an event "item" of Metarank says of a video: the fields that docs/jsonl.md lists, by the
 * first of their names that is there. The patch borrows from event and texts. False: problem says
 * what is wrong.
 */
bool metarank_item(const json_t *event, struct patch *patch, struct metarank_texts *texts,
                   struct problem *problem);

#endif
