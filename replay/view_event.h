#ifndef REPLAY_VIEW_EVENT_H
#define REPLAY_VIEW_EVENT_H

/* What can come of a view; the names are those of the truth's fields (truth.proto). */
#define VIEW_EVENT_MAP(X)             \
    X(SKIP, skip)                     \
    X(VALID_PLAY, valid_play)         \
    X(LONG_VIEW, long_view)           \
    X(COMPLETE, complete)             \
    X(LIKE, like)                     \
    X(SHARE, share)                   \
    X(COMMENT, comment)               \
    X(FOLLOW, follow)                 \
    X(NOT_INTERESTED, not_interested) \
    X(HIDE_CREATOR, hide_creator)     \
    X(REPORT, report)

#endif
