#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include <jansson.h>
#include <stdint.h>

/* Lines of "name  value" on stdout, with the values in one column. */
void fields_text(const char *name, const char *value);
void fields_number(const char *name, uint64_t number);
void fields_share(const char *name, uint64_t part, uint64_t whole);
void fields_hash(const char *name, uint64_t hash);

/* As "2023-11-14 22:13:20 UTC". */
void fields_time(const char *name, int64_t time_ms);

enum { FIELDS_TIME_SIZE = 24 };
void fields_format_time(int64_t time_ms, char out[FIELDS_TIME_SIZE]);

/* A path, or what else need not be UTF-8, as a JSON string: then each byte above 127 is a "?". NULL
 * when memory is short. */
json_t *fields_json(const char *text);

#endif
