/* score.c once more, for processors with AVX2: the same operations four at a time, the same bits.
 */
#define score_block score_block_avx2
#include "ranker/score.c" /* NOLINT(bugprone-suspicious-include): meant */
