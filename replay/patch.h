#ifndef REPLAY_PATCH_H
#define REPLAY_PATCH_H

#include <stdbool.h>

#include "ranker/limits.h"
#include "replay/import.h"

/*
 * A catalogue entry with only what one file says of a video. The caller fills video's members and
 * names each one; texts are borrowed until patch_tell().
 */
struct patch {
    Reelrank__V1__Video video;
    char *languages[LIMIT_VIDEO_LANGUAGES];
    char *categories[LIMIT_VIDEO_CATEGORIES];
    char *tags[LIMIT_VIDEO_TAGS];
    char *inferred[LIMIT_INFERRED];
    const char *fields[LIMIT_INFERRED + 1];
    size_t field_count;
};

/* Empty lists that use the arrays above; patch must not move until it is told. */
void patch_init(struct patch *patch, const char *video_id);

/* Names a field of reelrank.v1.Video that was read, or concluded. */
void patch_read(struct patch *patch, const char *field);
void patch_infer(struct patch *patch, const char *field);

/* Adds the one language, concluded. */
void patch_infer_language(struct patch *patch, const char *language);

/* Adds the rating that the options assume, if they do. */
void patch_assume_safety(struct patch *patch, const struct import_options *options);

/* Gives the entry to sink, unless it says nothing. */
MUST_USE enum status patch_tell(struct patch *patch, uint64_t line, const struct import_sink *sink);

#endif
