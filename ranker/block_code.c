#include "ranker/block_code.h"

extern const struct block_code block_code_avx2;
extern const struct block_code block_code_avx512;

static const struct block_code block_code_plain = {
    .name = "plain",
    .fill = features_fill,
    .score = score_block,
};

/* What -mavx512f and the like in this room's BUILD file allow. */
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

const struct block_code *block_code_choose(void)
{
    if (has_avx512()) {
        return &block_code_avx512;
    }
    return __builtin_cpu_supports("avx2") ? &block_code_avx2 : &block_code_plain;
}

void block_codes(const struct block_code *codes[BLOCK_CODE_COUNT + 1])
{
    size_t count = 0;
    codes[count++] = &block_code_plain;
    if (__builtin_cpu_supports("avx2")) {
        codes[count++] = &block_code_avx2;
    }
    if (has_avx512()) {
        codes[count++] = &block_code_avx512;
    }
    codes[count] = NULL;
}
