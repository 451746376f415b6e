/* Candidates of a file: refused with a reason, or a list of strings. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/input.h"
#include "ranker/check.h"

enum { ARENA_SIZE = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[ARENA_SIZE];
    struct arena arena;
    arena_init(&arena, memory, sizeof(memory));
    Reelrank__V1__RankRequest request = REELRANK__V1__RANK_REQUEST__INIT;
    struct problem problem = {""};
    struct text text = {.data = (const char *)data, .size = size};
    enum status status = input_candidates(text, &arena, &request, &problem);
    CHECK(status != STATUS_INVALID || problem.text[0] != '\0');
    CHECK(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_NO_MEMORY);
    size_t bytes = 0;
    for (size_t i = 0; i < request.n_candidates; i++) {
        bytes += strlen(request.candidates[i]->video_id);
    }
    for (size_t i = 0; i < request.n_candidate_ids; i++) {
        bytes += strlen(request.candidate_ids[i]);
    }
    CHECK(bytes <= size);
    return 0;
}
