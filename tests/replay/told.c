#include "tests/replay/told.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "replay/decision_check.h"
#include "tests/test.h"

struct told told;

__attribute__((format(printf, 2, 3))) static void tell(struct told *into, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wrote =
        vsnprintf(into->text + into->used, sizeof(into->text) - into->used, format, arguments);
    va_end(arguments);
    CHECK(wrote >= 0 && (size_t)wrote < sizeof(into->text) - into->used);
    into->used += (size_t)wrote;
}

static void check_decision(const Reelrank__V1__Decision *decision)
{
    static char memory[1 << 18];
    struct arena arena;
    struct problem problem = {""};
    arena_init(&arena, memory, sizeof(memory));
    enum status status = decision_check(decision, &arena, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    CHECK(decision->request->now_ms > 0);
}

enum status told_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                       const char *const *update_fields)
{
    struct told *into = context;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        check_decision(entry->decision);
    }
    char *json = json_format(&entry->base, JSON_LINE);
    CHECK(json != NULL);
    tell(into, "%d %s", (int)line, json);
    free(json);
    for (size_t i = 0; update_fields != NULL && update_fields[i] != NULL; i++) {
        tell(into, " %s", update_fields[i]);
    }
    tell(into, "\n");
    into->entries++;
    return into->entries == into->stop_after ? STATUS_UNAVAILABLE : STATUS_OK;
}

enum status told_reject(void *context, uint64_t line, const char *reason)
{
    tell(context, "%d rejected: %s\n", (int)line, reason);
    return STATUS_OK;
}

enum status told_import(const struct import_options *options, const char *bytes, size_t size,
                        struct problem *problem)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK(fwrite(bytes, 1, size, file) == size);
    rewind(file);
    told.used = 0;
    told.text[0] = '\0';
    told.entries = 0;
    struct import_sink sink = {&told, told_entry, told_reject};
    enum status status = import_read(file, options, &sink, problem);
    fclose(file);
    return status;
}

void told_check(const char *want, const struct import_options *options, const char *text)
{
    struct problem problem;
    CHECK_EQ(STATUS_OK, told_import(options, text, strlen(text), &problem));
    CHECK_STR(want, told.text);
}

int told_times(const char *needle)
{
    int times = 0;
    for (const char *at = strstr(told.text, needle); at != NULL; at = strstr(at + 1, needle)) {
        times++;
    }
    return times;
}
