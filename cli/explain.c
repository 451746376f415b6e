#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/ranking.h"
#include "ranker/policy.h"

static bool wanted(const struct ranking_options *options, const char *video_id)
{
    return options->video == NULL || strcmp(options->video, video_id) == 0;
}

static void print_text(const struct ranking_options *options,
                       const Reelrank__V1__RankResponse *response)
{
    for (size_t i = 0; i < response->n_slate; i++) {
        const Reelrank__V1__RankedVideo *video = response->slate[i];
        if (wanted(options, video->video_id)) {
            printf("%u. ", video->position);
            column_print_all(stdout, video->video_id);
            printf("  score %.10f", video->score);
            if (video->propensity < 1) {
                printf(", drawn with probability %.6g", video->propensity);
            }
            printf("\n");
            ranking_print_terms(video);
            ranking_print_features(video);
            ranking_print_moves(video);
            printf("\n");
        }
    }
    size_t below_limit = 0;
    for (size_t i = 0; i < response->n_dropped; i++) {
        const Reelrank__V1__DroppedVideo *video = response->dropped[i];
        bool below = strcmp(video->rule, drop_rule_name(DROP_BELOW_LIMIT)) == 0;
        if (below && options->video == NULL) {
            below_limit++;
        } else if (wanted(options, video->video_id)) {
            printf("dropped ");
            column_print_all(stdout, video->video_id);
            printf(": %s (%s)\n", ranking_rule_meaning(video->rule), video->rule);
            if (video->detail[0] != '\0') {
                printf("        ");
                column_print_all(stdout, video->detail);
                printf("\n");
            }
        }
    }
    if (below_limit > 0) {
        printf("%zu more rank below the limit\n", below_limit);
    }
    for (size_t i = 0; i < response->n_degraded; i++) {
        printf("degraded: ");
        column_print_all(stdout, response->degraded[i]);
        printf("\n");
    }
    printf("state %" PRIu64 ", weights ", response->state_sequence);
    column_print_all(stdout, response->weights_version);
    printf("%s", response->experiment_arm[0] != '\0' ? ", arm " : "");
    column_print_all(stdout, response->experiment_arm);
    printf("\n");
}

static json_t *json_of_ranked(const Reelrank__V1__RankedVideo *video)
{
    json_t *terms = json_array();
    for (size_t i = 0; i < video->n_contributions; i++) {
        const Reelrank__V1__Contribution *term = video->contributions[i];
        json_array_append_new(terms, json_pack("{s:s, s:f, s:f}", "name", term->name, "value",
                                               term->value, "input", term->input));
    }
    json_t *features = json_array();
    for (size_t i = 0; i < video->n_features; i++) {
        const Reelrank__V1__FeatureValue *feature = video->features[i];
        json_array_append_new(
            features, json_pack("{s:s, s:f}", "name", feature->name, "value", feature->value));
    }
    json_t *moves = json_array();
    for (size_t i = 0; i < video->n_moves; i++) {
        const Reelrank__V1__SlateMove *move = video->moves[i];
        json_array_append_new(moves, json_pack("{s:s, s:I}", "rule", move->rule, "from_position",
                                               (json_int_t)move->from_position));
    }
    return json_pack("{s:s, s:i, s:f, s:f, s:f, s:o, s:o, s:o}", "video_id", video->video_id,
                     "position", (int)video->position, "score", video->score, "propensity",
                     video->propensity, "sum", ranking_sum(video), "contributions", terms,
                     "features", features, "moves", moves);
}

static json_t *json_of_dropped(const Reelrank__V1__DroppedVideo *video)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "video_id", video->video_id, "rule", video->rule,
                     "meaning", ranking_rule_meaning(video->rule), "detail", video->detail);
}

static enum exit_code print_json(const struct ranking_options *options,
                                 const Reelrank__V1__RankResponse *response)
{
    json_t *slate = json_array();
    for (size_t i = 0; i < response->n_slate; i++) {
        if (wanted(options, response->slate[i]->video_id)) {
            json_array_append_new(slate, json_of_ranked(response->slate[i]));
        }
    }
    json_t *dropped = json_array();
    for (size_t i = 0; i < response->n_dropped; i++) {
        if (wanted(options, response->dropped[i]->video_id)) {
            json_array_append_new(dropped, json_of_dropped(response->dropped[i]));
        }
    }
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:I, s:s}", "ranking_id", response->ranking_id, "slate", slate,
                  "dropped", dropped, "state_sequence", (json_int_t)response->state_sequence,
                  "weights_version", response->weights_version);
    if (root == NULL) {
        return command_fail("explain", STATUS_NO_MEMORY, NULL);
    }
    json_dumpf(root, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(root);
    return CODE_OK;
}

/* Refuses a --video that the answer does not speak of, and sums that are not the scores. */
static enum exit_code check_answer(const struct ranking_options *options,
                                   const Reelrank__V1__RankResponse *response)
{
    struct problem problem;
    bool found = false;
    for (size_t i = 0; i < response->n_slate; i++) {
        const Reelrank__V1__RankedVideo *video = response->slate[i];
        double sum = ranking_sum(video);
        if (sum < video->score || sum > video->score) {
            problem_set(&problem, "the contributions of \"%s\" add up to %.17g, its score is %.17g",
                        video->video_id, sum, video->score);
            return command_fail("explain", STATUS_CORRUPT, &problem);
        }
        found = found || wanted(options, video->video_id);
    }
    for (size_t i = 0; i < response->n_dropped; i++) {
        found = found || wanted(options, response->dropped[i]->video_id);
    }
    if (!found && options->video != NULL) {
        problem_set(&problem, "--video \"%.128s\" is not among the candidates", options->video);
        return command_fail("explain", STATUS_INVALID, &problem);
    }
    return CODE_OK;
}

static enum exit_code explain_run(const void *values, const struct operands *operands)
{
    (void)operands;
    const struct ranking_options *options = values;
    struct ranking ranking;
    enum exit_code code = ranking_run("explain", options, true, &ranking);
    if (code == CODE_OK) {
        code = check_answer(options, ranking.response);
    }
    if (code == CODE_OK && options->json) {
        code = print_json(options, ranking.response);
    } else if (code == CODE_OK) {
        print_text(options, ranking.response);
    }
    ranking_release(&ranking);
    return code;
}

static const struct argument explain_arguments[] = {
    RANKING_ARGUMENTS,
    {.name = "video",
     .value_name = "ID",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct ranking_options, video),
     .help = "tell of this candidate alone"},
};

const struct command command_explain = {
    .name = "explain",
    .operands = "",
    .summary = "say why videos are where they are, or why they are not there",
    .description =
        "Ranks the candidates as \"reelrank rank\" does, and prints for each video what adds\n"
        "up to its score, largest first: heads (input: probability), the shift, multipliers\n"
        "(input: feature) and the slate's terms (input: factor). The terms add up to the\n"
        "score exactly. Then come the features that these heads and multipliers read, missing\n"
        "ones left out; \"reelrank features\" tells of them. Where rules of the slate have moved\n"
        "a video it says from which position, and names them. For a dropped video it names the\n"
        "rule and says what the rule saw.\n\n" RANKING_CANDIDATES_HELP,
    .examples = "  reelrank explain --data /var/lib/reelrank --user u1 --locale hi-IN \\\n"
                "      --candidates ids.txt --video v42\n",
    COMMAND_ARGUMENTS(explain_arguments),
    .values_size = sizeof(struct ranking_options),
    .run = explain_run,
};
