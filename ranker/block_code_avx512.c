#define BLOCK_CODE(name) name##_avx512
#include "ranker/block_code_once_more.h"

#include "ranker/block_code.h"

extern const struct block_code block_code_avx512;
const struct block_code block_code_avx512 = {
    .name = "avx512",
    .fill = features_fill,
    .score = score_block,
};
