#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/column.h"
#include "cli/command.h"
#include "proto/json.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/log.pb-c.h"

enum { PAGE_SIZE = 1000, TOKEN_SIZE = 128 };

enum { ID_WIDTH = 20, CREATOR_WIDTH = 16, LANGUAGES_WIDTH = 12, SAFETY_WIDTH = 9 };

struct videos_values {
    struct connection connection;
    int64_t limit;
    bool json;
};

static const char *safety_name(Reelrank__V1__SafetyRating rating)
{
    switch (rating) {
    case REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK:
        return "low";
    case REELRANK__V1__SAFETY_RATING__SAFETY_RATING_MEDIUM_RISK:
        return "medium";
    case REELRANK__V1__SAFETY_RATING__SAFETY_RATING_HIGH_RISK:
        return "high";
    case REELRANK__V1__SAFETY_RATING__SAFETY_RATING_FLOOR:
        return "floor";
    default:
        return "unrated";
    }
}

static void print_head(void)
{
    printf("%-*s %-*s %-*s %8s %-*s %s\n", ID_WIDTH, "video", CREATOR_WIDTH, "creator",
           LANGUAGES_WIDTH, "languages", "seconds", SAFETY_WIDTH, "safety", "title");
}

static void print_row(const Reelrank__V1__Video *video)
{
    char languages[64] = "";
    size_t used = 0;
    for (size_t i = 0; i < video->n_languages && used < sizeof(languages); i++) {
        int size = snprintf(languages + used, sizeof(languages) - used, "%s%s", i > 0 ? "," : "",
                            video->languages[i]);
        used += size > 0 ? (size_t)size : 0;
    }
    int left = column_terminal_width() - ID_WIDTH - CREATOR_WIDTH - LANGUAGES_WIDTH - SAFETY_WIDTH;
    column_print(stdout, video->video_id, ID_WIDTH);
    printf(" ");
    column_print(stdout, video->creator_id, CREATOR_WIDTH);
    printf(" ");
    column_print(stdout, languages, LANGUAGES_WIDTH);
    printf(" %8.1f %-*s ", (double)video->duration_ms / 1000, SAFETY_WIDTH,
           safety_name(video->safety_rating));
    column_print_cut(stdout, video->title, left > 24 ? left - 13 : 11); /* 8 and five spaces */
    printf("\n");
}

/* One line, as import reads it. */
static enum status print_line(Reelrank__V1__Video *video)
{
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO;
    entry.video = video;
    char *json = json_format(&entry.base, JSON_LINE);
    if (json == NULL) {
        return STATUS_NO_MEMORY;
    }
    puts(json);
    free(json);
    return STATUS_OK;
}

static enum status print_page(const Reelrank__V1__ListVideosResponse *page, bool json)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < page->n_videos && status == STATUS_OK; i++) {
        if (json) {
            status = print_line(page->videos[i]->video);
        } else {
            print_row(page->videos[i]->video);
        }
    }
    return status;
}

/* Prints a page and moves token on to the next; *left is how many videos may still be printed. */
static enum status take_page(struct backend *backend, struct arena *arena, bool json,
                             char token[TOKEN_SIZE], int64_t *left, struct problem *problem)
{
    Reelrank__V1__ListVideosRequest request = REELRANK__V1__LIST_VIDEOS_REQUEST__INIT;
    request.page_size = *left < PAGE_SIZE ? (uint32_t)*left : PAGE_SIZE;
    request.page_token = token;
    ProtobufCMessage *message = NULL;
    arena_reset(arena);
    enum status status = backend_call(backend, &reelrank__v1__catalog_service__descriptor,
                                      "ListVideos", &request.base, arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__ListVideosResponse *page = (const void *)message;
    status = print_page(page, json);
    *left -= (int64_t)page->n_videos;
    snprintf(token, TOKEN_SIZE, "%s", page->next_page_token);
    return status;
}

static enum exit_code list(struct backend *backend, struct arena *arena,
                           const struct videos_values *values)
{
    char token[TOKEN_SIZE] = "";
    int64_t left = values->limit > 0 ? values->limit : INT64_MAX;
    struct problem problem = {""};
    enum status status = STATUS_OK;
    if (!values->json) {
        print_head();
    }
    do {
        status = take_page(backend, arena, values->json, token, &left, &problem);
    } while (status == STATUS_OK && token[0] != '\0' && left > 0);
    return status == STATUS_OK ? CODE_OK : command_fail("videos", status, &problem);
}

static enum exit_code videos_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct videos_values *values = raw;
    struct arena arena = {0};
    struct backend *backend = NULL;
    enum exit_code code = command_arena("videos", &arena);
    if (code == CODE_OK) {
        code = command_connect("videos", &values->connection, false, &backend);
    }
    if (code == CODE_OK) {
        code = list(backend, &arena, values);
    }
    backend_close(backend);
    command_arena_release(&arena);
    return code;
}

static const struct argument videos_arguments[] = {
    CONNECTION_ARGUMENTS(struct videos_values),
    {.name = "limit",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct videos_values, limit),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "how many at most; 0: all"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct videos_values, json),
     .help = "print JSON Lines, as import reads them"},
};

const struct command command_videos = {
    .name = "videos",
    .operands = "",
    .summary = "list the catalogue",
    .description = "Prints the videos of the catalogue that are not deleted, oldest entry first.\n",
    .examples = "  reelrank videos --data /var/lib/reelrank --limit 20\n"
                "  reelrank videos --target 127.0.0.1:7070 --json > catalogue.jsonl\n",
    COMMAND_ARGUMENTS(videos_arguments),
    .values_size = sizeof(struct videos_values),
    .run = videos_run,
};
