#include "replay/truth.h"

#include <stdlib.h>

#include "proto/json.h"
#include "ranker/check.h"
#include "ranker/limits.h"
#include "tests/fuzz/fresh_arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is told keeps what the header promises, and is JSON again. */
static enum status on_test(void *context, const Reelrank__Replay__TestRanking *test)
{
    (void)context;
    CHECK(test->n_candidates <= LIMIT_CANDIDATES);
    CHECK(test->time_ms > 0);
    for (size_t i = 0; i < test->n_candidates; i++) {
        CHECK(test->candidates[i]->video_id[0] != '\0');
        CHECK(test->candidates[i]->utility >= 0 && test->candidates[i]->utility <= 1);
    }
    struct problem problem;
    ProtobufCMessage *again;
    char *json = json_format(&test->base, JSON_LINE);
    CHECK(json != NULL);
    CHECK(json_parse(text_of(json), &reelrank__replay__test_ranking__descriptor, fresh_arena(),
                     &again, &problem) == STATUS_OK);
    free(json);
    return STATUS_OK;
}

/* Any bytes are read to their end or refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem = {""};
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    if (file == NULL) {
        return 0;
    }
    enum status status = truth_read(file, on_test, NULL, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    CHECK(status != STATUS_INVALID || problem.text[0] != '\0');
    fclose(file);
    return 0;
}
