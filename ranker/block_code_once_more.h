/*
 * features.c and what it needs, and score.c, once more. The file that includes this is compiled for
 * one kind of processor and defines BLOCK_CODE(name), which names its own copy of a function, so
 * that only the copies are its own: no include guard.
 */
#define features_fill  BLOCK_CODE(features_fill)
#define score_block    BLOCK_CODE(score_block)
#define rates_init     BLOCK_CODE(rates_init)
#define rates_views    BLOCK_CODE(rates_views)
#define rates_hits     BLOCK_CODE(rates_hits)
#define rates_plays    BLOCK_CODE(rates_plays)
#define rates_counter  BLOCK_CODE(rates_counter)
#define rates_smoothed BLOCK_CODE(rates_smoothed)

#define profile_affinities       BLOCK_CODE(profile_affinities)
#define profile_block_init       BLOCK_CODE(profile_block_init)
#define profile_categories_seen  BLOCK_CODE(profile_categories_seen)
#define profile_creators_seen    BLOCK_CODE(profile_creators_seen)
#define profile_language_matches BLOCK_CODE(profile_language_matches)

/* NOLINTBEGIN(bugprone-suspicious-include): meant */
#include "ranker/features.c"
#include "ranker/profile_block.c"
#include "ranker/rates.c"
#include "ranker/score.c"
/* NOLINTEND(bugprone-suspicious-include) */
