#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay/demo.h"

static const char usage[] =
    "Usage: demo [--seed N] [--videos N] [--users N] [--signals N] [--now-ms T]\n"
    "       demo --candidates LOCALE [--count N] [the same options]\n"
    "\n"
    "Writes a made-up catalogue and two weeks of signals as JSON Lines, or the ids of COUNT of\n"
    "its videos to rank for a user of LOCALE, a line each. The same options give the same bytes.\n"
    "\n"
    "  --seed N             another world for each (1)\n"
    "  --videos N           1 to 100000 (600)\n"
    "  --users N            1 to 100000 (300); the first are user-hi, user-ru and user-id\n"
    "  --signals N          0 to 5000000 (30000)\n"
    "  --now-ms T           end of the two weeks, in milliseconds since 1970 (the clock's time)\n"
    "  --candidates LOCALE  such as hi-IN\n"
    "  --count N            of candidates (100)\n"
    "\n"
    "Example: demo --seed 7 | reelrank import --format jsonl -\n";

enum option { SEED, VIDEOS, USERS, SIGNALS, NOW_MS, COUNT, NUMBER_COUNT };

struct number {
    const char *name;
    int64_t least;
    int64_t most;
    int64_t value;
};

static bool parse_number(const char *text, struct number *number)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < number->least ||
        value > number->most) {
        fprintf(stderr, "demo: %s is \"%s\"; %" PRId64 " to %" PRId64 " is allowed\n", number->name,
                text, number->least, number->most);
        return false;
    }
    number->value = value;
    return true;
}

static bool parse_option(const char *name, const char *value, struct number *numbers,
                         const char **candidates)
{
    size_t i = 0;
    while (i < NUMBER_COUNT && strcmp(name, numbers[i].name) != 0) {
        i++;
    }
    if (i == NUMBER_COUNT && strcmp(name, "--candidates") != 0) {
        fprintf(stderr, "demo: unknown option %s; see --help\n", name);
        return false;
    }
    if (value == NULL) {
        fprintf(stderr, "demo: %s needs a value; see --help\n", name);
        return false;
    }
    if (i == NUMBER_COUNT) {
        *candidates = value;
        return true;
    }
    return parse_number(value, &numbers[i]);
}

static int64_t clock_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum status run(const struct number *numbers, const char *candidates)
{
    struct demo_options options = {
        .seed = (uint64_t)numbers[SEED].value,
        .video_count = (uint32_t)numbers[VIDEOS].value,
        .user_count = (uint32_t)numbers[USERS].value,
        .signal_count = (uint32_t)numbers[SIGNALS].value,
        .now_ms = numbers[NOW_MS].value,
    };
    if (candidates == NULL) {
        return demo_write(&options, stdout);
    }
    char language[16];
    size_t size = strcspn(candidates, "-_");
    snprintf(language, sizeof(language), "%.*s", size < 8 ? (int)size : 8, candidates);
    return demo_write_candidates(&options, language, (uint32_t)numbers[COUNT].value, stdout);
}

int main(int argc, char **argv)
{
    struct number numbers[NUMBER_COUNT] = {
        [SEED] = {"--seed", 0, INT64_MAX, 1},
        [VIDEOS] = {"--videos", 1, DEMO_LIMIT_VIDEOS, 600},
        [USERS] = {"--users", 1, DEMO_LIMIT_USERS, 300},
        [SIGNALS] = {"--signals", 0, DEMO_LIMIT_SIGNALS, 30000},
        [NOW_MS] = {"--now-ms", DEMO_SPAN_MS, INT64_MAX / 2, clock_ms()},
        [COUNT] = {"--count", 1, DEMO_LIMIT_VIDEOS, 100},
    };
    const char *candidates = NULL;
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            return fputs(usage, stdout) == EOF;
        }
        if (!parse_option(argv[i], i + 1 < argc ? argv[i + 1] : NULL, numbers, &candidates)) {
            return 2;
        }
    }
    enum status status = run(numbers, candidates);
    if (status == STATUS_OK && fflush(stdout) == EOF) {
        status = STATUS_IO;
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "demo: %s\n", status_text(status));
    }
    return status == STATUS_OK ? 0 : 1;
}
