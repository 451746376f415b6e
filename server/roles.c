#include "server/roles.h"

#include <stdio.h>
#include <string.h>

#include "ranker/check.h"

static const struct {
    const char *name;
    enum role role;
} table[] = {
    {"feed", ROLE_FEED},
    {"catalog", ROLE_CATALOG},
    {"data", ROLE_DATA},
    {"admin", ROLE_ADMIN},
};

enum { ROLE_COUNT = sizeof(table) / sizeof(table[0]) };

/* 0: there is none of that name. */
static unsigned find_role(struct text name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (text_equal(name, text_of(table[i].name))) {
            return table[i].role;
        }
    }
    return 0;
}

enum status roles_parse(struct text names, unsigned *out, struct problem *problem)
{
    unsigned roles = 0;
    size_t at = 0;
    while (at <= names.size) {
        const char *first = names.data + at;
        const char *comma = names.size > at ? memchr(first, ',', names.size - at) : NULL;
        size_t size = comma != NULL ? (size_t)(comma - first) : names.size - at;
        unsigned role = find_role((struct text){.data = first, .size = size});
        if (role == 0 || (roles & role) != 0) {
            problem_set(problem,
                        "role \"%.*s\"%s, expected some of feed, catalog, data and admin, "
                        "with commas between",
                        (int)(size < 32 ? size : 32), first, role != 0 ? " is there twice" : "");
            return STATUS_INVALID;
        }
        roles |= role;
        at += size + 1;
    }
    *out = roles;
    return STATUS_OK;
}

void roles_format(unsigned roles, const char *between, char out[ROLES_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if ((roles & table[i].role) != 0) {
            int size = snprintf(out + used, ROLES_SIZE - used, "%s%s", used > 0 ? between : "",
                                table[i].name);
            CHECK(size > 0 && used + (size_t)size < ROLES_SIZE);
            used += (size_t)size;
        }
    }
}
