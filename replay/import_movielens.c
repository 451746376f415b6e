/* For memmem(); must precede every include. */
#define _GNU_SOURCE

#include <inttypes.h>
#include <stdlib.h>

#include "ranker/hash.h"
#include "replay/csv.h"
#include "replay/field.h"
#include "replay/formats.h"
#include "replay/keyset.h"
#include "replay/lines.h"
#include "replay/patch.h"
#include "replay/rows.h"

/*
 * MovieLens (https://grouplens.org/datasets/movielens/): ratings and movies, as tables with commas
 * and a header (ratings.csv, movies.csv), as lines with "::" between their fields (ratings.dat,
 * movies.dat) or with tabs (u.data). All three give the same fields in the same order.
 */
enum { FIELD_LIMIT = 4, RATING_FIELDS = 4, MOVIE_FIELDS = 3 };

enum rating_field { USER_ID, RATED_MOVIE_ID, RATING, TIMESTAMP };
enum movie_field { MOVIE_ID, TITLE, GENRES };

static const char *const rating_names[FIELD_LIMIT] = {"userId", "movieId", "rating", "timestamp"};
static const char *const movie_names[FIELD_LIMIT] = {"movieId", "title", "genres", ""};

enum {
    ID_DIGITS = 20,
    ID_SIZE = ID_DIGITS + 4, /* with "ml:" */
    EVENT_ID_SIZE = 128,
    YEAR_SIZE = 6, /* "(1995)" */
    SECOND_MS = 1000
};

struct movielens {
    const struct import_options *options;
    const struct import_sink *sink;
    struct csv *csv; /* NULL where lines are read */
    size_t columns[FIELD_LIMIT];
    struct lines lines;
    const char *separator;
    size_t field_count;      /* RATING_FIELDS or MOVIE_FIELDS; 0: not known yet */
    struct problem *problem; /* of the file */
    uint64_t line;
    struct text fields[FIELD_LIMIT]; /* of the present line */
    struct keyset *told;             /* movies, for the assumed rating */
};

struct rating {
    char user_id[ID_SIZE];
    char movie_id[ID_SIZE];
    int64_t time_ms;
    double stars;
};

/* A title in UTF-8, and genres in lower case. */
struct texts {
    char title[LIMIT_TITLE_BYTES + 1];
    char genres[LIMIT_VIDEO_CATEGORIES][LIMIT_SHORT_BYTES + 1];
};

static enum status reject(const struct movielens *reader, const struct problem *problem)
{
    return reader->sink->reject(reader->sink->context, reader->line, problem->text);
}

static const char *field_name(const struct movielens *reader, size_t field)
{
    return (reader->field_count == RATING_FIELDS ? rating_names : movie_names)[field];
}

static bool refuse(const struct movielens *reader, size_t field, const char *allowed,
                   struct problem *problem)
{
    enum { SHOWN = 40 };
    struct text text = field_cut(reader->fields[field], SHOWN);
    problem_set(problem, "%s is \"%.*s\"; %s is allowed", field_name(reader, field), (int)text.size,
                text.data, allowed);
    return false;
}

/* MovieLens's ids are numbers; "ml:" keeps them apart from those of other logs. */
static bool read_id(const struct movielens *reader, size_t field, char out[ID_SIZE],
                    struct problem *problem)
{
    struct text text = reader->fields[field];
    bool good = text.size > 0 && text.size <= ID_DIGITS;
    for (size_t i = 0; good && i < text.size; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
    }
    if (!good) {
        return refuse(reader, field, "a number of at most 20 digits", problem);
    }
    snprintf(out, ID_SIZE, "ml:%.*s", (int)text.size, text.data);
    return true;
}

static bool read_stars(const struct movielens *reader, double *out, struct problem *problem)
{
    bool good = field_real(reader->fields[RATING], out) && *out >= 0.5 && *out <= 5;
    return good || refuse(reader, RATING, "a number from 0.5 to 5", problem);
}

static bool read_time(const struct movielens *reader, int64_t *out, struct problem *problem)
{
    int64_t seconds;
    if (!field_whole(reader->fields[TIMESTAMP], LIMIT_TIME_MS / SECOND_MS, &seconds) ||
        seconds < 1) {
        return refuse(reader, TIMESTAMP, "a number of seconds since 1970, at least 1,", problem);
    }
    *out = seconds * SECOND_MS;
    return true;
}

static bool read_rating(const struct movielens *reader, struct rating *rating,
                        struct problem *problem)
{
    return read_id(reader, USER_ID, rating->user_id, problem) &&
           read_id(reader, RATED_MOVIE_ID, rating->movie_id, problem) &&
           read_stars(reader, &rating->stars, problem) &&
           read_time(reader, &rating->time_ms, problem);
}

/* Ratings say nothing of a movie, but a safety rating may be assumed of it. */
static enum status tell_rated(struct movielens *reader, const struct rating *rating)
{
    bool is_new;
    enum status status = keyset_add(reader->told, hash_key(text_of(rating->movie_id)), &is_new);
    if (status != STATUS_OK || !is_new) {
        return status;
    }
    struct patch patch;
    patch_init(&patch, rating->movie_id);
    patch_assume_safety(&patch, reader->options);
    return patch_tell(&patch, reader->line, reader->sink);
}

static enum status tell_signal(const struct movielens *reader, struct rating *rating,
                               Reelrank__V1__SignalType type, const char *type_name)
{
    char event_id[EVENT_ID_SIZE];
    snprintf(event_id, sizeof(event_id), "%s:%s:%" PRId64 ":%s", rating->user_id,
             rating->movie_id + strlen("ml:"), rating->time_ms, type_name);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = event_id;
    signal.user_id = rating->user_id;
    signal.video_id = rating->movie_id;
    signal.type = type;
    signal.time_ms = rating->time_ms;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    entry.signal = &signal;
    return reader->sink->entry(reader->sink->context, reader->line, &entry, NULL);
}

static enum status tell_rating(struct movielens *reader)
{
    struct rating rating;
    struct problem problem;
    if (!read_rating(reader, &rating, &problem)) {
        return reject(reader, &problem);
    }
    enum status status = tell_rated(reader, &rating);
    if (status == STATUS_OK) {
        status = tell_signal(reader, &rating, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY, "play");
    }
    if (status == STATUS_OK && rating.stars >= 4) {
        status = tell_signal(reader, &rating, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE, "like");
    }
    if (status == STATUS_OK && rating.stars <= 2) {
        status = tell_signal(reader, &rating, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_NOT_INTERESTED,
                             "not-interested");
    }
    return status;
}

/* Latin-1, which older sets are in, to UTF-8: a byte above 127 becomes two. Cuts what does not fit.
 */
static void put_latin1(struct text text, char out[LIMIT_TITLE_BYTES + 1])
{
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        size_t size = c < 0x80 ? 1 : 2;
        if (used + size > LIMIT_TITLE_BYTES) {
            break;
        }
        if (size == 2) {
            out[used++] = (char)(0xc0 | c >> 6);
            c = (unsigned char)(0x80 | (c & 0x3f));
        }
        out[used++] = (char)c;
    }
    out[used] = '\0';
}

static bool add_title(const struct movielens *reader, struct patch *patch, char *title,
                      struct problem *problem)
{
    struct text text = reader->fields[TITLE];
    if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL) {
        return refuse(reader, TITLE, "a title", problem);
    }
    if (text_is_utf8(text)) {
        struct text cut = field_cut(text, LIMIT_TITLE_BYTES);
        memcpy(title, cut.data, cut.size);
        title[cut.size] = '\0';
    } else {
        put_latin1(text, title);
    }
    patch->video.title = title;
    patch_read(patch, "title");
    return true;
}

/* A title ends in its year: "Toy Story (1995)". The day is not known, nor is a year before 1970. */
static void add_year(const struct movielens *reader, struct patch *patch)
{
    struct text text = reader->fields[TITLE];
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    if (text.size < YEAR_SIZE || text.data[text.size - YEAR_SIZE] != '(' ||
        text.data[text.size - 1] != ')') {
        return;
    }
    char day[] = "YYYY-01-01";
    memcpy(day, text.data + text.size - YEAR_SIZE + 1, 4);
    if (field_date(text_of(day), &patch->video.published_ms)) {
        patch_infer(patch, "published_ms");
    }
}

static void add_genre(struct patch *patch, struct text genre, struct texts *texts)
{
    if (genre.size == 0 || genre.size > LIMIT_SHORT_BYTES || !text_is_ascii(genre) ||
        memchr(genre.data, '\0', genre.size) != NULL ||
        patch->video.n_categories == LIMIT_VIDEO_CATEGORIES) {
        return;
    }
    char *out = texts->genres[patch->video.n_categories];
    for (size_t i = 0; i < genre.size; i++) {
        char c = genre.data[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[genre.size] = '\0';
    patch->categories[patch->video.n_categories] = out;
    patch->video.n_categories++;
}

/* "Animation|Children's|Comedy", or "(no genres listed)". */
static void add_genres(const struct movielens *reader, struct patch *patch, struct texts *texts)
{
    struct text text = reader->fields[GENRES];
    if (text_equal(text, text_of("(no genres listed)"))) {
        return;
    }
    for (size_t at = 0; at < text.size;) {
        const char *bar = memchr(text.data + at, '|', text.size - at);
        size_t end = bar != NULL ? (size_t)(bar - text.data) : text.size;
        add_genre(patch, (struct text){text.data + at, end - at}, texts);
        at = end + 1;
    }
    if (patch->video.n_categories > 0) {
        patch_read(patch, "categories");
    }
}

static enum status tell_movie(struct movielens *reader)
{
    struct patch patch;
    struct texts texts;
    struct problem problem;
    char movie_id[ID_SIZE] = "";
    patch_init(&patch, movie_id);
    if (!read_id(reader, MOVIE_ID, movie_id, &problem) ||
        !add_title(reader, &patch, texts.title, &problem)) {
        return reject(reader, &problem);
    }
    add_year(reader, &patch);
    add_genres(reader, &patch, &texts);
    patch_assume_safety(&patch, reader->options);
    return patch_tell(&patch, reader->line, reader->sink);
}

static enum status tell_fields(struct movielens *reader)
{
    return reader->field_count == RATING_FIELDS ? tell_rating(reader) : tell_movie(reader);
}

static enum status tell_row(void *context)
{
    struct movielens *reader = context;
    reader->line = csv_line(reader->csv);
    for (size_t i = 0; i < reader->field_count; i++) {
        reader->fields[i] = csv_field(reader->csv, reader->columns[i]);
    }
    return tell_fields(reader);
}

static bool find_columns(struct movielens *reader, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reader->columns[i] = csv_column(reader->csv, names[i]);
        if (reader->columns[i] == CSV_NO_COLUMN) {
            return false;
        }
    }
    reader->field_count = count;
    return true;
}

static enum status refuse_file(struct problem *problem)
{
    problem_set(problem, "not a table of MovieLens: ratings.csv, movies.csv, ratings.dat, "
                         "movies.dat and u.data are read");
    return STATUS_INVALID;
}

static enum status read_csv(struct movielens *reader, FILE *file, struct problem *problem)
{
    enum status status = csv_open(file, &reader->csv, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (find_columns(reader, rating_names, RATING_FIELDS) ||
        find_columns(reader, movie_names, MOVIE_FIELDS)) {
        status = rows_each(reader->csv, reader->sink, tell_row, reader, problem);
    } else {
        status = refuse_file(problem);
    }
    csv_close(reader->csv);
    return status;
}

/* Cuts a line into its fields; returns how many there are, also of those beyond FIELD_LIMIT. */
static size_t split(struct movielens *reader, struct text text)
{
    size_t width = strlen(reader->separator);
    size_t count = 0;
    for (;;) {
        const char *found = memmem(text.data, text.size, reader->separator, width);
        size_t size = found != NULL ? (size_t)(found - text.data) : text.size;
        if (count < FIELD_LIMIT) {
            reader->fields[count] = (struct text){text.data, size};
        }
        count++;
        if (found == NULL) {
            return count;
        }
        text = (struct text){text.data + size + width, text.size - size - width};
    }
}

static struct text without_cr(struct text text)
{
    bool there = text.size > 0 && text.data[text.size - 1] == '\r';
    return (struct text){text.data, text.size - (there ? 1 : 0)};
}

/* What the first line shows holds for all: its separator, and how many fields there are. */
static bool recognise(struct movielens *reader, struct text first)
{
    bool colons = memmem(first.data, first.size, "::", 2) != NULL;
    reader->separator = colons ? "::" : "\t";
    reader->field_count = split(reader, first);
    return reader->field_count == RATING_FIELDS || (colons && reader->field_count == MOVIE_FIELDS);
}

static enum status tell_line(void *context, struct text text)
{
    struct movielens *reader = context;
    struct problem problem;
    text = without_cr(text);
    if (reader->field_count == 0 && !recognise(reader, text)) {
        return refuse_file(reader->problem);
    }
    reader->line = reader->lines.number;
    size_t count = split(reader, text);
    if (count == reader->field_count) {
        return tell_fields(reader);
    }
    problem_set(&problem, "the line has %zu fields; the first one has %zu", count,
                reader->field_count);
    return reject(reader, &problem);
}

static enum status read_lines(struct movielens *reader, FILE *file, struct problem *problem)
{
    enum status status = lines_init(&reader->lines, file, IMPORT_LIMIT_LINE_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    reader->problem = problem;
    status = rows_each_line(&reader->lines, reader->sink, tell_line, reader, problem);
    lines_release(&reader->lines);
    return status;
}

/* A header begins with a letter, a line without one with an id. */
static bool has_header(FILE *file)
{
    int c = getc(file);
    if (c != EOF) {
        ungetc(c, file);
    }
    return c < '0' || c > '9';
}

enum status import_movielens(FILE *file, const struct import_options *options,
                             const struct import_sink *sink, struct problem *problem)
{
    struct movielens reader = {.options = options, .sink = sink};
    reader.told = keyset_new(IMPORT_LIMIT_VIDEOS);
    if (reader.told == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        has_header(file) ? read_csv(&reader, file, problem) : read_lines(&reader, file, problem);
    keyset_free(reader.told);
    return status;
}
