#ifndef SERVER_ROLES_H
#define SERVER_ROLES_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Who may call what. A token has roles (server/tokens.h); a method has those that may call it, of
 * which a token needs one. No role contains another: a token has each that it is given.
 */
enum role {
    ROLE_FEED = 1,    /* a feed server: ranks, and sends signals */
    ROLE_CATALOG = 2, /* what knows the videos: writes and reads the catalogue */
    ROLE_DATA = 4,    /* the data team: weights, diffs, explanations; no user's data */
    ROLE_ADMIN = 8    /* an operator: users' data, status */
};

enum {
    ROLES_ANY = ROLE_FEED | ROLE_CATALOG | ROLE_DATA | ROLE_ADMIN, /* any token will do */
    ROLES_OPEN = 16,                                               /* no token is needed */
    ROLES_SIZE = 40
};

/*
 * Reads names with commas between: "feed,catalog". STATUS_INVALID: one is unknown, empty or there
 * twice, as problem says.
 */
MUST_USE enum status roles_parse(struct text names, unsigned *out, struct problem *problem);

/* Writes the names of roles, of ROLES_ANY, with between after each but the last. */
void roles_format(unsigned roles, const char *between, char out[ROLES_SIZE]);

#endif
