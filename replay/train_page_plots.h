#ifndef REPLAY_TRAIN_PAGE_PLOTS_H
#define REPLAY_TRAIN_PAGE_PLOTS_H

#include "replay/replay_page_parts.h"

/* The plots of a training's page (train_page.h), each of one of the report's heads, with its
 * heading. What the head does not have is left out, and so is its heading. */

/* Half a page wide, for two beside each other. */
void train_page_reliability(struct replay_page *page, const json_t *head);
void train_page_rounds(struct replay_page *page, const json_t *head);
void train_page_penalties(struct replay_page *page, const json_t *head);

/* As wide as the page. */
void train_page_gains(struct replay_page *page, const json_t *head);
void train_page_effects(struct replay_page *page, const json_t *head);
void train_page_places(struct replay_page *page, const json_t *head);

#endif
