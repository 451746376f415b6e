#define BLOCK_CODE(name) name##_avx2
#include "ranker/block_code_once_more.h"

#include "ranker/block_code.h"

extern const struct block_code block_code_avx2;
const struct block_code block_code_avx2 = {
    .name = "avx2",
    .fill = features_fill,
    .score = score_block,
};
