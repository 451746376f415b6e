#include "ranker/score.h"

score_block_function *score_block_choose(void)
{
    return __builtin_cpu_supports("avx2") ? score_block_avx2 : score_block;
}
