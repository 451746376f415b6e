#ifndef REPLAY_EXAMPLE_LABEL_H
#define REPLAY_EXAMPLE_LABEL_H

#include "ranker/watch.h"
#include "replay/example_file.h"
#include "replay/outcome.h"

/*
 * What became of a video that was on screen, as labels of the heads.
 *
 * like, share, follow, skip, not_interested and report are known of whatever was shown: 1 where the
 * user did so, as outcome.h has it, else 0.
 *
 * valid_play, long_view and complete follow from the watch time. A video that was shown and not
 * played, or skipped, was not watched: its labels are known to be 0. They are not known where the
 * user did something that takes watching (play, like, share, comment, follow) and the log has no
 * watch time; nor is complete where the duration is not known. A label that was earned is known,
 * whatever is missing.
 *
 * watch_quantile is that of the longest view among views of videos of like length in the region
 * (watch.h), 0 for a video that was not watched. It is not known where the watch time is not, and
 * as long as the distribution has fewer than OUTCOME_VIEWS_MINIMUM views. A view that reached the
 * end is censored: a longer video might have been watched for longer. Its quantile is that of the
 * time as it was recorded, loops included, as in the distribution itself (D2Q, Zhan et al., KDD
 * 2022), so views that ended with the video share the middle of the heap that they make there.
 * Leaving them out would leave those who liked it least.
 */

/*
 * Fills known, positive, watch_quantile, watch_ms, duration_ms and censored. The outcome has
 * OUTCOME_SHOWN, and all that belongs to it.
 */
void example_label_all(const struct outcome *outcome, const struct watch_histogram *histogram,
                       struct example *out);

#endif
