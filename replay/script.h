#ifndef REPLAY_SCRIPT_H
#define REPLAY_SCRIPT_H

#include "ranker/text.h"

/*
 * The language that a title's script suggests, BCP 47, when more than half of its letters are of a
 * script that mostly one language of the service's regions is written in. NULL otherwise: Latin
 * letters say nothing. text is well-formed UTF-8. A guess: Devanagari may be Marathi, Cyrillic
 * Ukrainian.
 */
const char *script_language(struct text text);

#endif
