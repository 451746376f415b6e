#ifndef REPLAY_MONOTONE_H
#define REPLAY_MONOTONE_H

#include "ranker/feature.h"
#include "ranker/weights.h"

/*
 * Signs that are known before any log is read: 1, more of the feature never lowers the head's
 * prediction; -1, never raises it; 0, nobody knows. Trees that are held to them cannot learn the
 * opposite from chance (replay/boost.h). docs/training.md has the table with its reasons; what is
 * uncertain is left out.
 */
int monotone_known(enum head head, enum feature feature);

#endif
