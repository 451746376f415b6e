#include "tests/bench/rankings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reelrank/v1/ranking.pb-c.h"

static bool is_packed(const Reelrank__V1__RankResponse *response)
{
    return response->n_slate == 0 && response->n_dropped == 0 &&
           response->n_dropped_index == response->n_dropped_rule;
}

static bool rules_are_known(const Reelrank__V1__RankResponse *response)
{
    for (size_t i = 0; i < response->n_dropped_rule; i++) {
        if ((unsigned)response->dropped_rule[i] >= RANKINGS_RULES) {
            return false;
        }
    }
    return true;
}

bool rankings_add(struct rankings *rankings, struct text message)
{
    Reelrank__V1__RankResponse *response =
        reelrank__v1__rank_response__unpack(NULL, message.size, (const uint8_t *)message.data);
    bool valid = response != NULL && is_packed(response) && rules_are_known(response);
    if (valid) {
        rankings->positions += response->n_order;
        for (size_t i = 0; i < response->n_dropped_rule; i++) {
            rankings->drops[response->dropped_rule[i]]++;
        }
    }
    reelrank__v1__rank_response__free_unpacked(response, NULL);
    return valid;
}

void rankings_print(const struct rankings *rankings)
{
    const ProtobufCEnumDescriptor *rules = &reelrank__v1__drop_rule__descriptor;
    const char *before = "";
    printf("\"positions\": %" PRIu64 ", \"drops\": {", rankings->positions);
    for (unsigned i = 0; i < rules->n_values; i++) {
        int rule = rules->values[i].value;
        if (rule < RANKINGS_RULES && rankings->drops[rule] > 0) {
            printf("%s\"%s\": %" PRIu64, before, rules->values[i].name + strlen("DROP_RULE_"),
                   rankings->drops[rule]);
            before = ", ";
        }
    }
    printf("}, ");
}
