#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "cli/arguments.h"
#include "cli/command.h"
#include "ranker/weights.h"

/* `reelrank check --policy`: what weights can never show, locale by locale. */
struct policy_options {
    const struct argument_texts *locales; /* to look at; none: those of the file and the default */
    const struct argument_texts *claims;  /* "LOCALE: FACT OP VALUE", to be proven */
    bool json;
};

/*
 * Prints what is proven to stdout, and on stderr what is wrong with the options. CODE_OK,
 * CODE_INVALID when a claim does not hold, CODE_USAGE when one cannot be read.
 */
enum exit_code policy_report(const struct weights *weights, const struct policy_options *options);

#endif
