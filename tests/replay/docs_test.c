#include <stdlib.h>
#include <string.h>

#include "ranker/wire.h"
#include "replay/import.h"
#include "tests/test.h"

static const char path[] = "docs/jsonl.md";

static char *read_page(void)
{
    static char page[1 << 16];
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t size = fread(page, 1, sizeof(page) - 1, file);
    CHECK(size > 0 && size < sizeof(page) - 1);
    fclose(file);
    page[size] = '\0';
    return page;
}

static enum status on_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                            const char *const *update_fields)
{
    struct problem problem = {""};
    struct video_facts video;
    struct signal signal;
    enum status status = STATUS_OK;
    CHECK(update_fields == NULL);
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO) {
        status = wire_video(entry->video, &video, &problem);
    } else if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL) {
        status = wire_signal(entry->signal, 0, &signal, &problem);
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "example %d: %s\n", (int)line, problem.text);
    }
    ++*(int *)context;
    return status;
}

static enum status on_reject(void *context, uint64_t line, const char *reason)
{
    (void)context;
    fprintf(stderr, "example %d: %s\n", (int)line, reason);
    return STATUS_INVALID;
}

static void every_example_is_accepted(void)
{
    static const char fence[] = "```jsonl\n";
    int examples = 0;
    char *page = read_page();
    for (char *at = strstr(page, fence); at != NULL; at = strstr(at, fence)) {
        at += strlen(fence);
        char *end = strstr(at, "```");
        CHECK(end != NULL);
        FILE *file = fmemopen(at, (size_t)(end - at), "rb");
        CHECK(file != NULL);
        struct import_options options = {.format = IMPORT_JSONL, .decisions = true};
        struct import_sink sink = {&examples, on_entry, on_reject};
        struct problem problem;
        CHECK_EQ(STATUS_OK, import_read(file, &options, &sink, &problem));
        fclose(file);
        at = end;
    }
    CHECK_EQ(7, examples);
}

static void check_fields(const char *page, const ProtobufCMessageDescriptor *descriptor)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "`%s`", descriptor->fields[i].name);
        if (strstr(page, quoted) == NULL) {
            fprintf(stderr, "%s is not described\n", quoted);
            abort();
        }
    }
}

static void every_field_and_signal_type_is_described(void)
{
    const char *page = read_page();
    check_fields(page, &reelrank__v1__log_entry__descriptor);
    check_fields(page, &reelrank__v1__video__descriptor);
    check_fields(page, &reelrank__v1__signal__descriptor);
    check_fields(page, &reelrank__v1__decision__descriptor);
    const ProtobufCEnumDescriptor *types = &reelrank__v1__signal_type__descriptor;
    for (unsigned i = 1; i < types->n_values; i++) {
        CHECK(strstr(page, types->values[i].name) != NULL);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(every_example_is_accepted),
        TEST(every_field_and_signal_type_is_described),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
