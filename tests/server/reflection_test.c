#include "server/reflection.h"

#include <stdlib.h>
#include <string.h>

#include "standard_descriptors.h"
#include "tests/test.h"

static struct descriptors *embedded(void)
{
    struct descriptors *descriptors = NULL;
    CHECK(reflection_descriptors(&descriptors) == STATUS_OK);
    return descriptors;
}

static void check_symbol(const struct descriptors *descriptors, const char *symbol,
                         const char *file)
{
    size_t index = 0;
    CHECK(descriptors_find_symbol(descriptors, text_of(symbol), &index));
    struct text name = descriptors_file(descriptors, index)->name;
    CHECK(text_equal(text_of(file), name));
}

static void symbols_of_every_sort_are_found(void)
{
    struct descriptors *descriptors = embedded();
    check_symbol(descriptors, "reelrank.v1.RankingService", "reelrank/v1/ranking.proto");
    check_symbol(descriptors, "reelrank.v1.RankingService.Rank", "reelrank/v1/ranking.proto");
    check_symbol(descriptors, "reelrank.v1.RankRequest", "reelrank/v1/ranking.proto");
    check_symbol(descriptors, "reelrank.v1.DropRule", "reelrank/v1/ranking.proto");
    check_symbol(descriptors, "reelrank.v1.Signal", "reelrank/v1/signal.proto");
    check_symbol(descriptors, "grpc.health.v1.HealthCheckResponse.ServingStatus",
                 "grpc/health/v1/health.proto");
    check_symbol(descriptors, "grpc.reflection.v1alpha.ServerReflection",
                 "grpc/reflection/v1alpha/reflection.proto");
    descriptors_free(descriptors);
}

static void near_misses_are_not_symbols(void)
{
    static const char *const symbols[] = {"",
                                          ".",
                                          "reelrank",
                                          "reelrank.v1",
                                          "reelrank.v1.",
                                          ".reelrank.v1.Signal",
                                          "reelrank.v1.Signa",
                                          "reelrank.v1.Signals",
                                          "reelrank.v1.Signal.user_id",
                                          "reelrank.v1.RankingService.Nope",
                                          "Signal"};
    struct descriptors *descriptors = embedded();
    size_t index = 0;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        CHECK(!descriptors_find_symbol(descriptors, text_of(symbols[i]), &index));
    }
    CHECK(!descriptors_find_file(descriptors, text_of("signal.proto"), &index));
    descriptors_free(descriptors);
}

/* A set of four files by hand: a imports b and missing, b imports c and a, c and d nothing. */
static const char imports_set[] = "\x0a\x1a\x0a\x01"
                                  "a\x1a\x01"
                                  "b\x1a\x12missing/file.proto"
                                  "\x0a\x09\x0a\x01"
                                  "b\x1a\x01"
                                  "c\x1a\x01"
                                  "a"
                                  "\x0a\x03\x0a\x01"
                                  "c"
                                  "\x0a\x03\x0a\x01"
                                  "d";

static void imports_are_followed_through_cycles(void)
{
    struct text set = {.data = imports_set, .size = sizeof(imports_set) - 1};
    struct descriptors *descriptors = NULL;
    bool marked[4] = {false};
    CHECK(descriptors_new(&set, 1, &descriptors) == STATUS_OK);
    CHECK_EQ(4, descriptors_file_count(descriptors));
    descriptors_mark_imports(descriptors, 0, marked);
    CHECK(marked[0] && marked[1] && marked[2] && !marked[3]);
    descriptors_free(descriptors);
}

static void file_in_two_sets_counts_once(void)
{
    struct text set = {.data = (const char *)standard_descriptors,
                       .size = standard_descriptors_size};
    struct text sets[] = {set, set};
    struct descriptors *descriptors = NULL;
    CHECK(descriptors_new(sets, 2, &descriptors) == STATUS_OK);
    CHECK_EQ(3, descriptors_file_count(descriptors));
    descriptors_free(descriptors);
}

static void no_set_holds_nothing(void)
{
    struct descriptors *descriptors = NULL;
    size_t index = 0;
    CHECK(descriptors_new(NULL, 0, &descriptors) == STATUS_OK);
    CHECK_EQ(0, descriptors_file_count(descriptors));
    CHECK(!descriptors_find_symbol(descriptors, text_of("a"), &index));
    descriptors_free(descriptors);
}

/* Cut at each byte and changed at each byte, from a copy that ends where its allocation does. */
static void damaged_sets_are_refused_or_read_within_bounds(void)
{
    for (size_t size = 0; size < standard_descriptors_size; size++) {
        struct descriptors *descriptors = NULL;
        size_t index = 0;
        char *copy = malloc(size + 1);
        CHECK(copy != NULL);
        memcpy(copy, standard_descriptors, size);
        struct text set = {.data = copy, .size = size};
        if (descriptors_new(&set, 1, &descriptors) == STATUS_OK) {
            (void)descriptors_find_symbol(descriptors, text_of("grpc.health.v1.Health.Watch"),
                                          &index);
            descriptors_free(descriptors);
        }
        copy[size / 2] = (char)~copy[size / 2];
        if (descriptors_new(&set, 1, &descriptors) == STATUS_OK) {
            (void)descriptors_find_symbol(descriptors, text_of("grpc.health.v1.Health.Watch"),
                                          &index);
            descriptors_free(descriptors);
        }
        free(copy);
    }
}

static void endless_nesting_is_refused(void)
{
    /* message_type { nested_type { nested_type { ... } } }, built from the inside. */
    char bytes[512];
    size_t size = 0;
    for (int depth = 0; depth < 40; depth++) {
        memmove(bytes + 2, bytes, size);
        bytes[0] = 0x1a;
        bytes[1] = (char)size;
        size += 2;
    }
    bytes[0] = 0x22;
    memmove(bytes + 5, bytes, size);
    memcpy(bytes, (char[]){0x0a, (char)(size + 3), 0x0a, 1, 'f'}, 5);
    struct text set = {.data = bytes, .size = size + 5};
    struct descriptors *descriptors = NULL;
    CHECK(descriptors_new(&set, 1, &descriptors) == STATUS_CORRUPT);
}

static const struct test tests[] = {
    TEST(symbols_of_every_sort_are_found),
    TEST(near_misses_are_not_symbols),
    TEST(imports_are_followed_through_cycles),
    TEST(file_in_two_sets_counts_once),
    TEST(no_set_holds_nothing),
    TEST(damaged_sets_are_refused_or_read_within_bounds),
    TEST(endless_nesting_is_refused),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
