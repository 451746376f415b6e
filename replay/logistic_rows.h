#ifndef REPLAY_LOGISTIC_ROWS_H
#define REPLAY_LOGISTIC_ROWS_H

#include "replay/logistic_data.h"

/* How logistic_data.h keeps its rows, for those who sum over them. */

/* Rows that are not there have weight 0 and features of 0, so that loops need not ask. */
struct logistic_block {
    size_t count;
    double weights[LOGISTIC_BLOCK];
    uint64_t users[LOGISTIC_BLOCK];
    uint8_t positives[LOGISTIC_BLOCK]; /* 0 or 1 */
    uint8_t places[LOGISTIC_BLOCK];
    float columns[][LOGISTIC_BLOCK]; /* one for each chosen feature; missing is 0 */
};

struct logistic_data {
    uint64_t bytes_max;
    uint64_t rows;
    uint64_t positives;
    unsigned feature_count;
    enum feature features[FEATURE_COUNT]; /* rising */
    size_t block_count;
    size_t block_capacity;
    struct logistic_block **blocks; /* all full but the last */
};

#endif
