#include "replay/patch.h"

#include "ranker/check.h"

void patch_init(struct patch *patch, const char *video_id)
{
    reelrank__v1__video__init(&patch->video);
    patch->video.video_id = (char *)video_id;
    patch->video.languages = patch->languages;
    patch->video.categories = patch->categories;
    patch->video.tags = patch->tags;
    patch->video.inferred = patch->inferred;
    patch->field_count = 0;
}

void patch_read(struct patch *patch, const char *field)
{
    CHECK(patch->field_count < LIMIT_INFERRED);
    patch->fields[patch->field_count] = field;
    patch->field_count++;
}

void patch_infer(struct patch *patch, const char *field)
{
    patch_read(patch, field);
    patch->inferred[patch->video.n_inferred] = (char *)field;
    patch->video.n_inferred++;
}

void patch_infer_language(struct patch *patch, const char *language)
{
    patch->languages[0] = (char *)language;
    patch->video.n_languages = 1;
    patch_infer(patch, "languages");
}

void patch_assume_safety(struct patch *patch, const struct import_options *options)
{
    if (options->assume_safety > REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNRATED) {
        patch->video.safety_rating = options->assume_safety;
        patch_infer(patch, "safety_rating");
    }
}

enum status patch_tell(struct patch *patch, uint64_t line, const struct import_sink *sink)
{
    if (patch->field_count == 0) {
        return STATUS_OK;
    }
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO;
    entry.video = &patch->video;
    patch->fields[patch->field_count] = NULL;
    return sink->entry(sink->context, line, &entry, patch->fields);
}
