#include "replay/simulate_view.h"

#include "ranker/exact.h"

/* Watch times are log-logistic: P(T > t) = 1 / (1 + (t / median)^shape). */
static const double watch_shape = 1.6;

/* Nobody watches one video around and around for longer than this many times. */
enum { LOOPS_MAX = 3 };

void memory_add(struct memory *memory, uint32_t video, int64_t time_ms)
{
    uint32_t at = memory->count % MEMORY_VIEWS;
    memory->videos[at] = video;
    memory->times_s[at] = (uint32_t)(time_ms / 1000);
    memory->count++;
}

double view_examination(unsigned position)
{
    return 1 / (1 + 0.12 * ((double)position - 1));
}

static double sigmoid(double x)
{
    const double log2_e = 1.4426950408889634;
    return 1 / (1 + exact_exp2(-x * log2_e));
}

static double fluency_in(const struct world_user *user, enum world_language language)
{
    if (language == user->locale->language) {
        return 1;
    }
    return language == user->second_language ? (double)user->second_fluency : 0;
}

double view_fluency(const struct world_user *user, const struct world_video *video,
                    const struct world_creator *creator)
{
    double best = fluency_in(user, video->language);
    for (size_t i = 0; video->bilingual && i < 2; i++) {
        double other = fluency_in(user, creator->languages[i]);
        best = other > best ? other : best;
    }
    double captions = video->captioned ? 0.6 * fluency_in(user, ENGLISH) : 0;
    return captions > best ? captions : best;
}

/* What one does not understand loses interest; songs and dances less of it. */
static double language_loss(const struct world_user *user, const struct world_video *video,
                            const struct world_creator *creator)
{
    bool wordless = video->category == MUSIC || video->category == DANCE;
    return (wordless ? 1.2 : 2.6) * (1 - view_fluency(user, video, creator));
}

/* Each recent view of the same kind counts 1 at once, less with each half-life. */
static void fatigue(const struct view *view, const struct memory *memory, double *of_creator,
                    double *of_category)
{
    const struct world_video *videos = view->world->videos;
    const struct world_video *video = &videos[view->video];
    uint32_t count = memory->count < MEMORY_VIEWS ? memory->count : MEMORY_VIEWS;
    *of_creator = 0;
    *of_category = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct world_video *past = &videos[memory->videos[i]];
        int64_t seconds = view->time_ms / 1000 - memory->times_s[i];
        double hours = (double)seconds / 3600;
        double age = hours > 0 ? hours : 0;
        *of_creator += past->creator == video->creator ? exact_exp2(-age / 12) : 0;
        *of_category += past->category == video->category ? exact_exp2(-age / 2) : 0;
    }
}

static double tag_taste(const struct world_user *user, const struct world_video *video)
{
    double sum = 0;
    double count = 0;
    for (size_t i = 0; i < WORLD_TAGS; i++) {
        bool has = video->tag_bits >> i & 1;
        sum += has ? (double)user->tag_tastes[(size_t)video->category * WORLD_TAGS + i] : 0;
        count += has;
    }
    return count > 0 ? sum / count : 0;
}

static double freshness(const struct view *view, const struct world_video *video)
{
    double age_h = (double)(view->time_ms - video->published_ms) / (3600 * 1000.0);
    double halvings = (age_h > 0 ? age_h : 0) / (double)video->topical_half_life_h;
    return (double)video->topical * exact_exp2(-halvings);
}

static bool same_region(const char *a, const char *b)
{
    return a[0] == b[0] && a[1] == b[1];
}

/* The log-odds that the user finds the video worth the time. */
static double interest_of(const struct view *view, const struct memory *memory, double fondness)
{
    const struct world *world = view->world;
    const struct world_user *user = &world->users[view->user];
    const struct world_video *video = &world->videos[view->video];
    const struct world_creator *creator = &world->creators[video->creator];
    double seconds_log2 = exact_log2((double)video->duration_ms / 1000);
    double off = seconds_log2 - (double)user->duration_log2;
    double of_creator;
    double of_category;
    fatigue(view, memory, &of_creator, &of_category);
    double interest = -0.9;
    interest += 0.8 * (double)user->tastes[video->category];
    interest += 0.5 * tag_taste(user, video);
    interest += 0.5 * fondness;
    interest += 0.8 * (double)video->appeal;
    interest += world_local_appeal(world, view->video, user->locale);
    interest += freshness(view, video);
    interest += same_region(creator->region, user->locale->region) ? 0.2 : 0;
    interest -= 0.15 * off * off;
    interest -= language_loss(user, video, creator);
    interest -= 0.4 * of_creator;
    interest -= 0.12 * of_category;
    interest -= view->seen ? 1.5 : 0;
    return interest;
}

static double share_watching(double time_ms, double median_ms)
{
    return 1 / (1 + exact_exp2(watch_shape * exact_log2(time_ms / median_ms)));
}

/* The first watch time that is a valid play, or a long view, by signal.h. */
static double least_watch_ms(bool (*label)(int64_t, int64_t), int64_t fixed_ms, int64_t duration_ms)
{
    return (double)(label(duration_ms, duration_ms) && duration_ms < fixed_ms ? duration_ms
                                                                              : fixed_ms);
}

static double risk_of(const struct world_video *video)
{
    return video->safety >= SAFETY_LOW ? (double)(video->safety - SAFETY_LOW) : 1;
}

static void judge_events(const struct world_user *user, const struct world_video *video,
                         double interest, double fondness, struct view_truth *truth)
{
    double lure = video->lure;
    double warmth = user->warmth;
    double pull = interest + 0.4 * lure;
    double *given = truth->given;
    given[VIEW_SKIP] = sigmoid(-0.35 - 0.75 * pull - 0.5 * (double)user->patience);
    given[VIEW_LIKE] = sigmoid(-3.0 + 1.0 * interest + 0.6 * warmth);
    given[VIEW_SHARE] = sigmoid(-5.0 + 0.9 * interest + 0.6 * warmth);
    given[VIEW_COMMENT] = sigmoid(-5.0 + 0.7 * interest + 0.3 * lure + 0.6 * warmth);
    given[VIEW_FOLLOW] = sigmoid(-4.8 + 0.7 * interest + 1.2 * fondness);
    given[VIEW_NOT_INTERESTED] = sigmoid(-6.0 - 0.7 * interest + 0.4 * lure);
    given[VIEW_HIDE_CREATOR] = sigmoid(-2.0 - 0.8 * fondness);
    given[VIEW_REPORT] = sigmoid(-8.0 - 0.3 * interest + 1.5 * risk_of(video));
    double seconds_log2 = exact_log2((double)video->duration_ms / 20000);
    truth->watch_median_ms =
        11000 * exact_exp2(0.7 * (interest + 1) + 0.2 * lure + 0.45 * seconds_log2);
}

static void judge_chances(const struct world_video *video, struct view_truth *truth)
{
    const double *given = truth->given;
    double *events = truth->events;
    double stays = 1 - given[VIEW_SKIP];
    int64_t duration_ms = video->duration_ms;
    double valid_ms = least_watch_ms(signal_is_valid_play, 7001, duration_ms);
    double long_ms = least_watch_ms(signal_is_long_view, 18000, duration_ms);
    double median_ms = truth->watch_median_ms;
    events[VIEW_SKIP] = given[VIEW_SKIP];
    events[VIEW_VALID_PLAY] = stays * share_watching(valid_ms, median_ms);
    events[VIEW_LONG_VIEW] = stays * share_watching(long_ms, median_ms);
    events[VIEW_COMPLETE] = stays * share_watching((double)duration_ms, median_ms);
    for (enum view_event event = VIEW_LIKE; event <= VIEW_FOLLOW; event++) {
        events[event] = events[VIEW_VALID_PLAY] * given[event];
    }
    events[VIEW_NOT_INTERESTED] = given[VIEW_SKIP] * given[VIEW_NOT_INTERESTED];
    events[VIEW_HIDE_CREATOR] = events[VIEW_NOT_INTERESTED] * given[VIEW_HIDE_CREATOR];
    events[VIEW_REPORT] = given[VIEW_SKIP] * given[VIEW_REPORT];
}

struct view_truth view_judge(const struct view *view, const struct memory *memory)
{
    const struct world *world = view->world;
    const struct world_user *user = &world->users[view->user];
    const struct world_video *video = &world->videos[view->video];
    double fondness = world_fondness(world, view->user, video->creator);
    double interest = interest_of(view, memory, fondness);
    struct view_truth truth = {.utility = sigmoid(interest)};
    judge_events(user, video, interest, fondness, &truth);
    truth.given[VIEW_FOLLOW] = view->follows ? 0 : truth.given[VIEW_FOLLOW];
    judge_chances(video, &truth);
    return truth;
}

/* The inverse of share_watching(), of a share that is above 0 and below 1. */
static int64_t draw_watch(const struct world_video *video, double median_ms, struct random *random)
{
    double share = 0x1p-54 + random_unit(random) * (1 - 0x1p-50);
    double odds_log2 = exact_log2((1 - share) / share);
    double time_ms = median_ms * exact_exp2(odds_log2 / watch_shape);
    double most_ms = (double)(LOOPS_MAX * video->duration_ms);
    return (int64_t)(time_ms < most_ms ? time_ms : most_ms);
}

static void draw_complaints(const struct view_truth *truth, struct random *random,
                            struct view_outcome *outcome)
{
    const double *given = truth->given;
    bool *happened = outcome->happened;
    happened[VIEW_NOT_INTERESTED] = random_chance(random, given[VIEW_NOT_INTERESTED]);
    happened[VIEW_HIDE_CREATOR] =
        happened[VIEW_NOT_INTERESTED] && random_chance(random, given[VIEW_HIDE_CREATOR]);
    happened[VIEW_REPORT] = random_chance(random, given[VIEW_REPORT]);
}

struct view_outcome view_draw(const struct view *view, const struct view_truth *truth,
                              struct random *random)
{
    const struct world_video *video = &view->world->videos[view->video];
    struct view_outcome outcome = {0};
    bool *happened = outcome.happened;
    happened[VIEW_SKIP] = random_chance(random, truth->given[VIEW_SKIP]);
    if (happened[VIEW_SKIP]) {
        draw_complaints(truth, random, &outcome);
        return outcome;
    }
    outcome.watch_ms = draw_watch(video, truth->watch_median_ms, random);
    happened[VIEW_VALID_PLAY] = signal_is_valid_play(outcome.watch_ms, video->duration_ms);
    happened[VIEW_LONG_VIEW] = signal_is_long_view(outcome.watch_ms, video->duration_ms);
    happened[VIEW_COMPLETE] = signal_is_complete(outcome.watch_ms, video->duration_ms);
    for (enum view_event event = VIEW_LIKE; event <= VIEW_FOLLOW; event++) {
        happened[event] = happened[VIEW_VALID_PLAY] && random_chance(random, truth->given[event]);
    }
    return outcome;
}
