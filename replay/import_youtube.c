#include "ranker/hash.h"
#include "replay/csv.h"
#include "replay/field.h"
#include "replay/formats.h"
#include "replay/keyset.h"
#include "replay/patch.h"
#include "replay/rows.h"
#include "replay/script.h"

/*
 * The dataset "Trending YouTube Video Statistics": a table for each country, one line for each
 * video and day on which it trended. Extracts with some of the columns are read too.
 */
enum column {
    VIDEO_ID,
    TRENDING_DATE,
    TITLE,
    CHANNEL_TITLE,
    CATEGORY_ID,
    PUBLISH_TIME,
    TAGS,
    LIKES,
    DISLIKES,
    RATINGS_DISABLED,
    REMOVED,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    [VIDEO_ID] = "video_id",
    [TRENDING_DATE] = "trending_date",
    [TITLE] = "title",
    [CHANNEL_TITLE] = "channel_title",
    [CATEGORY_ID] = "category_id",
    [PUBLISH_TIME] = "publish_time",
    [TAGS] = "tags",
    [LIKES] = "likes",
    [DISLIKES] = "dislikes",
    [RATINGS_DISABLED] = "ratings_disabled",
    [REMOVED] = "video_error_or_removed",
};

enum { VIDEO_ID_BYTES = 11, VOTES_NEEDED = 10 };

struct youtube {
    const struct import_options *options;
    const struct import_sink *sink;
    struct csv *csv;
    size_t columns[COLUMN_COUNT];
    struct keyset *told;
    const char *region; /* that the file's name suggests; NULL: none */
};

/* Copies of what is cut. */
struct texts {
    char title[LIMIT_TITLE_BYTES + 1];
    char channel[LIMIT_ID_BYTES + 1];
    char tags[LIMIT_VIDEO_TAGS][LIMIT_SHORT_BYTES + 1];
};

static struct text field(const struct youtube *reader, enum column column)
{
    return csv_field(reader->csv, reader->columns[column]);
}

/* YouTube's public list of categories that a video can have. */
static const char *category_name(int64_t id)
{
    static const char *const names[] = {
        [1] = "film-animation",
        [2] = "autos-vehicles",
        [10] = "music",
        [15] = "pets-animals",
        [17] = "sports",
        [19] = "travel-events",
        [20] = "gaming",
        [22] = "people-blogs",
        [23] = "comedy",
        [24] = "entertainment",
        [25] = "news-politics",
        [26] = "howto-style",
        [27] = "education",
        [28] = "science-technology",
        [29] = "nonprofits-activism",
        [30] = "movies",
        [43] = "shows",
    };
    return id < (int64_t)(sizeof(names) / sizeof(names[0])) ? names[id] : NULL;
}

/* Spreadsheets have turned ids that begin with "-" or "=" into "#NAME?": those videos are lost. */
static bool is_video_id(struct text text)
{
    bool good = text.size == VIDEO_ID_BYTES;
    for (size_t i = 0; good && i < text.size; i++) {
        char c = text.data[i];
        good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '-' || c == '_';
    }
    return good;
}

static bool whole(const struct youtube *reader, enum column column, int64_t *out,
                  struct problem *problem)
{
    struct text text = field(reader, column);
    if (field_whole(text, INT64_MAX / 2, out)) {
        return true;
    }
    problem_set(problem, "%s is \"%.40s\"; a whole number is allowed", column_names[column],
                text.data);
    return false;
}

/* Copies text into out, which has room for limit bytes and a zero; false when it is not UTF-8. */
static bool copy_cut(const struct youtube *reader, enum column column, size_t limit, char *out,
                     struct problem *problem)
{
    struct text text = field(reader, column);
    if (!text_is_utf8(text)) {
        problem_set(problem, "%s is not UTF-8", column_names[column]);
        return false;
    }
    struct text cut = field_cut(text, limit);
    memcpy(out, cut.data, cut.size);
    out[cut.size] = '\0';
    return true;
}

static bool add_title(const struct youtube *reader, struct patch *patch, char *title,
                      struct problem *problem)
{
    if (!copy_cut(reader, TITLE, LIMIT_TITLE_BYTES, title, problem)) {
        return false;
    }
    const char *language = script_language(field(reader, TITLE));
    if (title[0] != '\0') {
        patch->video.title = title;
        patch_read(patch, "title");
    }
    if (language != NULL) {
        patch_infer_language(patch, language);
    }
    return true;
}

static bool add_channel(const struct youtube *reader, struct patch *patch, char *channel,
                        struct problem *problem)
{
    if (!copy_cut(reader, CHANNEL_TITLE, LIMIT_ID_BYTES, channel, problem)) {
        return false;
    }
    if (channel[0] != '\0') {
        patch->video.creator_id = channel;
        patch_read(patch, "creator_id");
    }
    return true;
}

static bool add_category(const struct youtube *reader, struct patch *patch, struct problem *problem)
{
    int64_t id;
    if (!whole(reader, CATEGORY_ID, &id, problem)) {
        return false;
    }
    const char *name = category_name(id);
    if (name != NULL) {
        patch->categories[0] = (char *)name;
        patch->video.n_categories = 1;
        patch_read(patch, "categories");
    }
    return true;
}

/* Without a time of publishing, the day on which the video trended stands in for it. */
static bool add_published(const struct youtube *reader, struct patch *patch,
                          struct problem *problem)
{
    bool exact = reader->columns[PUBLISH_TIME] != CSV_NO_COLUMN;
    enum column column = exact ? PUBLISH_TIME : TRENDING_DATE;
    struct text text = field(reader, column);
    int64_t *out = &patch->video.published_ms;
    if (!(exact ? field_instant(text, out) : field_year_day_month(text, out))) {
        problem_set(problem, "%s is \"%.40s\"; a time such as %s is allowed", column_names[column],
                    text.data, exact ? "2017-11-12T12:20:39.000Z" : "17.14.11");
        return false;
    }
    (exact ? patch_read : patch_infer)(patch, "published_ms");
    return true;
}

/* The share of likes among the votes, when there are enough of them to say anything. */
static bool add_quality(const struct youtube *reader, struct patch *patch, struct problem *problem)
{
    int64_t likes;
    int64_t dislikes;
    if (reader->columns[LIKES] == CSV_NO_COLUMN || reader->columns[DISLIKES] == CSV_NO_COLUMN ||
        text_equal(field(reader, RATINGS_DISABLED), text_of("TRUE"))) {
        return true;
    }
    if (!whole(reader, LIKES, &likes, problem) || !whole(reader, DISLIKES, &dislikes, problem)) {
        return false;
    }
    if (likes + dislikes >= VOTES_NEEDED) {
        patch->video.quality = (double)likes / (double)(likes + dislikes);
        patch_infer(patch, "quality");
    }
    return true;
}

/* Tags stand as first|"second"|"third"; a video without any has [none]. */
static bool add_tags(const struct youtube *reader, struct patch *patch,
                     char tags[LIMIT_VIDEO_TAGS][LIMIT_SHORT_BYTES + 1], struct problem *problem)
{
    struct text text = field(reader, TAGS);
    size_t count = 0;
    if (!text_is_utf8(text)) {
        problem_set(problem, "tags is not UTF-8");
        return false;
    }
    if (text_equal(text, text_of("[none]"))) {
        text.size = 0;
    }
    for (size_t at = 0; at < text.size && count < LIMIT_VIDEO_TAGS;) {
        const char *bar = memchr(text.data + at, '|', text.size - at);
        size_t end = bar != NULL ? (size_t)(bar - text.data) : text.size;
        struct text tag = {text.data + at, end - at};
        at = end + 1;
        if (tag.size >= 2 && tag.data[0] == '"' && tag.data[tag.size - 1] == '"') {
            tag = (struct text){tag.data + 1, tag.size - 2};
        }
        if (tag.size > 0 && tag.size <= LIMIT_SHORT_BYTES) {
            memcpy(tags[count], tag.data, tag.size);
            tags[count][tag.size] = '\0';
            patch->tags[count] = tags[count];
            count++;
        }
    }
    if (count > 0) {
        patch->video.n_tags = count;
        patch_read(patch, "tags");
    }
    return true;
}

static void add_region(const struct youtube *reader, struct patch *patch)
{
    if (reader->region != NULL) {
        patch->video.creator_region = (char *)reader->region;
        patch_infer(patch, "creator_region");
    }
}

static bool build(const struct youtube *reader, struct patch *patch, struct texts *texts,
                  struct problem *problem)
{
    if (!add_title(reader, patch, texts->title, problem) ||
        !add_channel(reader, patch, texts->channel, problem) ||
        !add_category(reader, patch, problem) || !add_published(reader, patch, problem) ||
        !add_quality(reader, patch, problem) || !add_tags(reader, patch, texts->tags, problem)) {
        return false;
    }
    add_region(reader, patch);
    patch_assume_safety(patch, reader->options);
    return true;
}

static enum status reject(const struct youtube *reader, const char *reason)
{
    return reader->sink->reject(reader->sink->context, csv_line(reader->csv), reason);
}

/* The first good line of a video counts; later ones only repeat it with other totals. */
static enum status tell_row(void *context)
{
    struct youtube *reader = context;
    struct text video_id = field(reader, VIDEO_ID);
    struct patch patch;
    struct texts texts;
    struct problem problem;
    bool is_new;
    if (!is_video_id(video_id)) {
        problem_set(&problem, "video_id is \"%.40s\"; %d letters, digits, - or _ are allowed",
                    video_id.data, VIDEO_ID_BYTES);
        return reject(reader, problem.text);
    }
    if (text_equal(field(reader, REMOVED), text_of("TRUE"))) {
        return reject(reader, "video_error_or_removed is TRUE: the video is gone");
    }
    patch_init(&patch, video_id.data);
    if (!build(reader, &patch, &texts, &problem)) {
        return reject(reader, problem.text);
    }
    enum status status = keyset_add(reader->told, hash_key(video_id), &is_new);
    if (status != STATUS_OK || !is_new) {
        return status;
    }
    return patch_tell(&patch, csv_line(reader->csv), reader->sink);
}

static enum status tell_rows(struct youtube *reader, struct problem *problem)
{
    const size_t *columns = reader->columns;
    if (columns[VIDEO_ID] == CSV_NO_COLUMN || columns[TRENDING_DATE] == CSV_NO_COLUMN ||
        columns[CATEGORY_ID] == CSV_NO_COLUMN) {
        problem_set(problem, "not a table of trending videos: the header needs video_id, "
                             "trending_date and category_id");
        return STATUS_INVALID;
    }
    return rows_each(reader->csv, reader->sink, tell_row, reader, problem);
}

/* "IN_titles.csv" and "INvideos.csv" are India's lists. Only lists made mostly of their own land's
 * creators say anything of a creator. */
static const char *region_of(const char *name)
{
    static const char *const regions[] = {"IN", "RU"};
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;
    const char *base = slash != NULL ? slash + 1 : name != NULL ? name : "";
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (strncmp(base, regions[i], 2) == 0 &&
            (base[2] == '_' || strncmp(base + 2, "videos", strlen("videos")) == 0)) {
            return regions[i];
        }
    }
    return NULL;
}

enum status import_youtube(FILE *file, const struct import_options *options,
                           const struct import_sink *sink, struct problem *problem)
{
    struct youtube reader = {.options = options, .sink = sink, .region = region_of(options->name)};
    enum status status = csv_open(file, &reader.csv, problem);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        reader.columns[i] = csv_column(reader.csv, column_names[i]);
    }
    reader.told = keyset_new(IMPORT_LIMIT_VIDEOS);
    status = reader.told != NULL ? tell_rows(&reader, problem) : STATUS_NO_MEMORY;
    keyset_free(reader.told);
    csv_close(reader.csv);
    return status;
}
