#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/limits.h"
#include "tests/ranker/weights_text.h"
#include "tests/test.h"

/*
 * Broken files, one to each line of want.txt, "NAME LINE:COLUMN: PATH: MESSAGE": the first problem,
 * exactly. "*" at the end stands for what the reader of model files says.
 */

enum { FILE_SIZE = LIMIT_WEIGHTS_BYTES + 2, CASES_MIN = 40 };

static const char folder[] = "tests/ranker/broken";

static size_t read_file(const char *name, char *out)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be opened\n", path);
        abort();
    }
    size_t size = fread(out, 1, FILE_SIZE, file);
    CHECK(size < FILE_SIZE);
    fclose(file);
    return size;
}

static bool is_as_wanted(const char *want, const char *found)
{
    size_t size = strlen(want);
    if (size > 0 && want[size - 1] == '*') {
        return strncmp(want, found, size - 1) == 0;
    }
    return strcmp(want, found) == 0;
}

static void check_case(const char *name, const char *want)
{
    char *yaml = malloc(FILE_SIZE);
    CHECK(yaml != NULL);
    size_t size = read_file(name, yaml);
    const struct weights_problem *first =
        &weights_refuse((struct text){.data = yaml, .size = size}, NULL)->items[0];
    char found[512];
    snprintf(found, sizeof(found), "%u:%u: %s%s%s", first->line, first->column, first->path,
             first->path[0] != '\0' ? ": " : "", first->message);
    if (!is_as_wanted(want, found)) {
        fprintf(stderr, "%s\n  want %s\n  got  %s\n", name, want, found);
        abort();
    }
    free(yaml);
}

static void each_broken_file_is_refused_at_its_place_with_its_message(void)
{
    char *list = calloc(1, FILE_SIZE);
    CHECK(list != NULL);
    CHECK(read_file("want.txt", list) > 0);
    unsigned count = 0;
    for (char *rest = list; rest != NULL && *rest != '\0';) {
        char *line = strsep(&rest, "\n");
        char *want = strchr(line, ' ');
        CHECK(want != NULL);
        *want = '\0';
        check_case(line, want + 1);
        count++;
    }
    CHECK(count >= CASES_MIN);
    free(list);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(each_broken_file_is_refused_at_its_place_with_its_message),
    };
    return test_main(argc, argv, tests, 1);
}
