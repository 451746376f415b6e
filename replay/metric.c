#include "replay/metric.h"

#include <stdio.h>

#include "ranker/check.h"

struct description {
    const char *name;
    const char *title;
    int at_k; /* 1: name and title end in "@" and k */
    enum metric_better better;
    const char *definition;
};

static const struct description descriptions[METRIC_COUNT] = {
    [METRIC_NDCG] = {"ndcg", "nDCG", 0, METRIC_HIGHER,
                     "Sum of gain / log2(position + 1) over the whole list, over the same sum of "
                     "all judged videos in their best order; gains are linear. trec_eval's ndcg "
                     "(Jarvelin and Kekalainen 2002)."},
    [METRIC_NDCG_AT] = {"ndcg", "nDCG", 1, METRIC_HIGHER,
                        "Sum of gain / log2(position + 1) over the first k positions, over the "
                        "same sum of all judged videos in their best order; gains are linear. "
                        "trec_eval's ndcg_cut (Jarvelin and Kekalainen 2002)."},
    [METRIC_MAP] = {"map", "MAP", 0, METRIC_HIGHER,
                    "Mean over the relevant videos of the precision at the position of each, 0 for "
                    "one that is not in the list; relevant is what has a gain above 0. "
                    "trec_eval's map."},
    [METRIC_MRR] = {"mrr", "MRR", 0, METRIC_HIGHER,
                    "1 / position of the first relevant video, 0 where there is none. "
                    "trec_eval's recip_rank."},
    [METRIC_PRECISION_AT] = {"p", "P", 1, METRIC_HIGHER,
                             "Relevant videos among the first k positions, over k, also where the "
                             "list is shorter. trec_eval's P."},
    [METRIC_RECALL_AT] = {"r", "R", 1, METRIC_HIGHER,
                          "Relevant videos among the first k positions, over all relevant ones of "
                          "the request. trec_eval's recall."},
    [METRIC_HIT_AT] = {"hit", "Hit", 1, METRIC_HIGHER,
                       "Share of the rankings with a relevant video among the first k positions. "
                       "trec_eval's success."},
    [METRIC_GAUC] = {"gauc", "Grouped AUC", 0, METRIC_HIGHER,
                     "AUC within each ranking: the share of pairs of a relevant and another judged "
                     "video in which the relevant one has the higher score, ties half; the mean "
                     "weighs rankings by their judged videos (Zhou et al. 2018, who group by "
                     "user). The group is the ranking since a ranker orders the candidates of one "
                     "request, and scores of different requests never compete."},
    [METRIC_WATCH_NDCG] = {"watch_ndcg", "Watch nDCG", 0, METRIC_HIGHER,
                           "nDCG of the whole list with watch time for gain: its quantile, 0 to 1, "
                           "among views of videos of like duration, so that long videos do not win "
                           "by being long. trec_eval's ndcg with real gains."},
    [METRIC_WATCH_NDCG_AT] = {"watch_ndcg", "Watch nDCG", 1, METRIC_HIGHER,
                              "nDCG at k with watch time for gain: its quantile, 0 to 1, among "
                              "views of videos of like duration, so that long videos do not win by "
                              "being long. trec_eval's ndcg_cut with real gains."},
    [METRIC_XAUC] = {"xauc", "XAUC", 0, METRIC_HIGHER,
                     "The share of pairs of videos of a ranking with different watch times in "
                     "which the one watched longer has the higher score, ties half; the mean "
                     "weighs rankings by their pairs (Zhan et al. 2022)."},
    [METRIC_AUC] = {"auc", "AUC", 0, METRIC_HIGHER,
                    "The share of pairs of a relevant and another judged video, of any two "
                    "rankings, in which the relevant one has the higher score, ties half; scores "
                    "within 0.1 % of each other may count as equal. Intervals by delete-a-group "
                    "jackknife over 64 groups of users (Kott 2001)."},
    [METRIC_COVERAGE_AT] = {"coverage", "Coverage", 1, METRIC_NEITHER,
                            "Distinct videos among the first k positions of any slate, over the "
                            "distinct candidates of all requests."},
    [METRIC_GINI_AT] = {"gini", "Gini", 1, METRIC_NEITHER,
                        "Gini coefficient of the candidates' exposure: 0 when all have the same, "
                        "near 1 when few have all. Exposure of position p is 1 / log2(1 + p), as a "
                        "share of all exposure of its slate's first k positions; candidates never "
                        "shown have 0."},
    [METRIC_CREATOR_GINI_AT] = {"creator_gini", "Creator Gini", 1, METRIC_NEITHER,
                                "Gini coefficient of the exposure of creators: the sum over each "
                                "one's videos, of all creators with a candidate."},
    [METRIC_CREATOR_TOP_1_AT] = {"creator_top_1_percent", "Top 1 % creators", 1, METRIC_NEITHER,
                                 "Share of the exposure that the most exposed 1 % of the creators "
                                 "have, rounded up to whole creators."},
    [METRIC_CREATOR_TOP_10_AT] = {"creator_top_10_percent", "Top 10 % creators", 1, METRIC_NEITHER,
                                  "Share of the exposure that the most exposed 10 % of the "
                                  "creators have, rounded up to whole creators."},
};

static const struct description *find(enum metric metric)
{
    CHECK((unsigned)metric < METRIC_COUNT);
    return &descriptions[metric];
}

static void print(char *out, size_t size, const char *text, int at_k, size_t k)
{
    if (at_k) {
        snprintf(out, size, "%s@%zu", text, k);
    } else {
        snprintf(out, size, "%s", text);
    }
}

void metric_name(enum metric metric, size_t k, char out[METRIC_NAME_SIZE])
{
    const struct description *found = find(metric);
    print(out, METRIC_NAME_SIZE, found->name, found->at_k, k);
}

void metric_title(enum metric metric, size_t k, char out[METRIC_TITLE_SIZE])
{
    const struct description *found = find(metric);
    print(out, METRIC_TITLE_SIZE, found->title, found->at_k, k);
}

const char *metric_definition(enum metric metric)
{
    return find(metric)->definition;
}

enum metric_better metric_better(enum metric metric)
{
    return find(metric)->better;
}

const char *metric_better_name(enum metric_better better)
{
    static const char *const names[] = {
        [METRIC_HIGHER] = "higher", [METRIC_LOWER] = "lower", [METRIC_NEITHER] = "neither"};
    return names[better];
}
