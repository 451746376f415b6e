#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/ranking.h"
#include "proto/json.h"
#include "ranker/limits.h"

enum { ID_WIDTH_LEAST = 8, ID_WIDTH_MOST = 28, TITLE_WIDTH_LEAST = 12 };

/* The fields that --json prints of the answer, its slate and its dropped videos; explained: more.
 */
static const char *const response_keys[] = {"ranking_id",     "slate",           "dropped",
                                            "state_sequence", "weights_version", NULL};
static const char *const explained_response_keys[] = {
    "ranking_id",     "slate",  "dropped", "state_sequence", "weights_version", "degraded",
    "experiment_arm", "now_ms", NULL};
static const char *const ranked_keys[] = {"video_id", "score", "position", "propensity", NULL};
static const char *const explained_ranked_keys[] = {
    "video_id", "score", "position", "propensity", "contributions", "features", "moves", NULL};
static const char *const dropped_keys[] = {"video_id", "rule", NULL};
static const char *const explained_dropped_keys[] = {"video_id", "rule", "detail", NULL};

static void keep_keys(json_t *object, const char *const *keys)
{
    const char *key = NULL;
    json_t *value = NULL;
    void *next = NULL;
    json_object_foreach_safe(object, next, key, value)
    {
        bool kept = false;
        for (size_t i = 0; keys[i] != NULL && !kept; i++) {
            kept = strcmp(keys[i], key) == 0;
        }
        if (!kept) {
            json_object_del(object, key);
        }
    }
}

static void keep_keys_of_each(json_t *array, const char *const *keys)
{
    size_t index = 0;
    json_t *value = NULL;
    json_array_foreach(array, index, value)
    {
        keep_keys(value, keys);
    }
}

/* The answer in the proto's names, without the fields of the forms this command does not ask for.
 */
static enum exit_code print_json(const Reelrank__V1__RankResponse *response, bool explain)
{
    char *text = json_format(&response->base, JSON_LINE_FULL);
    json_t *root = text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (root == NULL) {
        return command_fail("rank", STATUS_NO_MEMORY, NULL);
    }
    keep_keys(root, explain ? explained_response_keys : response_keys);
    keep_keys_of_each(json_object_get(root, "slate"),
                      explain ? explained_ranked_keys : ranked_keys);
    keep_keys_of_each(json_object_get(root, "dropped"),
                      explain ? explained_dropped_keys : dropped_keys);
    json_dumpf(root, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(root);
    return CODE_OK;
}

/* What the catalogue knows of the slate's first LIMIT_BATCH videos; NULL when it does not say. */
static const Reelrank__V1__GetVideosResponse *get_videos(struct ranking *ranking)
{
    const Reelrank__V1__RankResponse *response = ranking->response;
    size_t count = response->n_slate < LIMIT_BATCH ? response->n_slate : LIMIT_BATCH;
    char **ids = arena_new(&ranking->arena, char *, count);
    if (ids == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = response->slate[i]->video_id;
    }
    Reelrank__V1__GetVideosRequest request = REELRANK__V1__GET_VIDEOS_REQUEST__INIT;
    request.n_video_ids = count;
    request.video_ids = ids;
    ProtobufCMessage *videos = NULL;
    struct problem problem;
    enum status status =
        backend_call(ranking->backend, &reelrank__v1__catalog_service__descriptor, "GetVideos",
                     &request.base, &ranking->arena, &videos, &problem);
    /* Titles are for the eye; the ranking stands without them. */
    return status == STATUS_OK ? (const Reelrank__V1__GetVideosResponse *)(void *)videos : NULL;
}

/* Videos come in the order asked, so a search from where the last one was found is short. */
static const Reelrank__V1__Video *find_video(const Reelrank__V1__GetVideosResponse *videos,
                                             const char *id, size_t *from)
{
    for (size_t i = *from; videos != NULL && i < videos->n_videos; i++) {
        const Reelrank__V1__Video *video = videos->videos[i]->video;
        if (video != NULL && strcmp(video->video_id, id) == 0) {
            *from = i;
            return video;
        }
    }
    return NULL;
}

static int id_width(const Reelrank__V1__RankResponse *response)
{
    int width = ID_WIDTH_LEAST;
    for (size_t i = 0; i < response->n_slate; i++) {
        int own = column_width(response->slate[i]->video_id);
        width = own > width ? own : width;
    }
    return width < ID_WIDTH_MOST ? width : ID_WIDTH_MOST;
}

static void print_table(struct ranking *ranking, bool explain)
{
    const Reelrank__V1__RankResponse *response = ranking->response;
    const Reelrank__V1__GetVideosResponse *videos = get_videos(ranking);
    int id = id_width(response);
    int fixed = 4 + 2 + id + 2 + 9 + 2 + 10 + 2 + 8 + 2;
    int left = column_terminal_width() - fixed;
    int title = left > TITLE_WIDTH_LEAST ? left : TITLE_WIDTH_LEAST;
    printf("%4s  %-*s  %9s  %10s  %-8s  %s\n", "#", id, "video", "score", "propensity",
           videos != NULL ? "language" : "", videos != NULL ? "title" : "");
    size_t from = 0;
    for (size_t i = 0; i < response->n_slate; i++) {
        const Reelrank__V1__RankedVideo *ranked = response->slate[i];
        printf("%4u  ", ranked->position);
        column_print(stdout, ranked->video_id, id);
        printf("  %9.6f  %10.6f", ranked->score, ranked->propensity);
        const Reelrank__V1__Video *video = find_video(videos, ranked->video_id, &from);
        if (video != NULL) {
            printf("  ");
            column_print(stdout, video->n_languages > 0 ? video->languages[0] : "-", 8);
            printf("  ");
            column_print_cut(stdout, video->title, title);
        }
        printf("\n");
        if (explain) {
            ranking_print_terms(ranked);
        }
    }
}

static void print_footer(const Reelrank__V1__RankResponse *response)
{
    printf("\nranking %s, state %" PRIu64 ", weights ", response->ranking_id,
           response->state_sequence);
    column_print_all(stdout, response->weights_version);
    printf("%s", response->experiment_arm[0] != '\0' ? ", arm " : "");
    column_print_all(stdout, response->experiment_arm);
    printf("\n");
    for (size_t i = 0; i < response->n_degraded; i++) {
        printf("degraded: %s\n", response->degraded[i]);
    }
}

static enum exit_code rank_run(const void *values, const struct operands *operands)
{
    (void)operands;
    const struct ranking_options *options = values;
    struct ranking ranking;
    enum exit_code code = ranking_run("rank", options, options->explain, &ranking);
    if (code == CODE_OK && options->json) {
        code = print_json(ranking.response, options->explain);
    } else if (code == CODE_OK) {
        print_table(&ranking, options->explain);
        ranking_print_dropped(ranking.response);
        print_footer(ranking.response);
    }
    ranking_release(&ranking);
    return code;
}

static const struct argument rank_arguments[] = {
    RANKING_ARGUMENTS,
    {.name = "explain",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct ranking_options, explain),
     .help = "also print what adds up to each score"},
};

const struct command command_rank = {
    .name = "rank",
    .operands = "",
    .summary = "put candidate videos in the best order for a user",
    .description =
        "Ranks the candidates for a user, and prints the slate and what was dropped, by\n"
        "which rule.\n\n" RANKING_CANDIDATES_HELP
        "\n--json prints ranking_id, slate (video_id, score, position, propensity), dropped\n"
        "(video_id, rule), state_sequence and weights_version; with --explain more.\n",
    .examples = "  reelrank rank --data /var/lib/reelrank --user u1 --locale hi-IN \\\n"
                "      --candidates ids.txt --limit 10\n"
                "  cut -f1 ids.tsv | reelrank rank --target 127.0.0.1:7070 --user u1 \\\n"
                "      --locale ru-RU --age 30 --candidates - --json\n",
    COMMAND_ARGUMENTS(rank_arguments),
    .values_size = sizeof(struct ranking_options),
    .run = rank_run,
};
