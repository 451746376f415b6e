#include "cli/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/column.h"
#include "ranker/text.h"

enum { NAME_WIDTH = 20 };

void fields_text(const char *name, const char *value)
{
    printf("%-*s ", NAME_WIDTH, name);
    column_print_all(stdout, value);
    printf("\n");
}

void fields_number(const char *name, uint64_t number)
{
    printf("%-*s %" PRIu64 "\n", NAME_WIDTH, name, number);
}

void fields_share(const char *name, uint64_t part, uint64_t whole)
{
    printf("%-*s %" PRIu64 " of %" PRIu64 "\n", NAME_WIDTH, name, part, whole);
}

void fields_hash(const char *name, uint64_t hash)
{
    printf("%-*s %016" PRIx64 "\n", NAME_WIDTH, name, hash);
}

void fields_format_time(int64_t time_ms, char out[FIELDS_TIME_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, FIELDS_TIME_SIZE, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        out[0] = '\0';
    }
}

void fields_time(const char *name, int64_t time_ms)
{
    char text[FIELDS_TIME_SIZE];
    fields_format_time(time_ms, text);
    fields_text(name, text);
}

json_t *fields_json(const char *text)
{
    if (text_is_utf8(text_of(text))) {
        return json_string(text);
    }
    char *plain = strdup(text);
    for (char *at = plain; at != NULL && *at != '\0'; at++) {
        *at = (unsigned char)*at > 127 ? '?' : *at;
    }
    json_t *json = json_string(plain); /* NULL for NULL */
    free(plain);
    return json;
}
