#include "store/weights_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

struct place {
    char path[TEST_PATH_SIZE + 16]; /* of the weights file */
    struct weights_file file;
    struct weights_problems problems;
    struct problem problem;
    struct weights *weights;
};

static struct place *new_place(void)
{
    char directory[TEST_PATH_SIZE];
    struct place *place = calloc(1, sizeof(*place));
    CHECK(place != NULL);
    test_directory(directory);
    snprintf(place->path, sizeof(place->path), "%s/w.yaml", directory);
    return place;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wbe");
    CHECK(file != NULL);
    CHECK(fwrite(bytes, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

static enum status read_place(struct place *place)
{
    weights_unref(place->weights);
    place->weights = NULL;
    weights_file_release(&place->file);
    return weights_file_read(place->path, &place->file, &place->weights, &place->problems,
                             &place->problem);
}

static void free_place(struct place *place)
{
    weights_unref(place->weights);
    weights_file_release(&place->file);
    free(place);
}

static void file_is_read_and_parsed(void)
{
    struct place *place = new_place();
    write_file(place->path, "version: mine\n", 14);
    CHECK_EQ(STATUS_OK, read_place(place));
    CHECK(strncmp("mine@", weights_version(place->weights), 5) == 0);
    CHECK(text_equal(text_of("version: mine\n"), place->file.source.yaml));
    CHECK_EQ(0, place->file.source.model_count);
    free_place(place);
}

static void missing_file_is_told_of(void)
{
    struct place *place = new_place();
    CHECK_EQ(STATUS_NOT_FOUND, read_place(place));
    CHECK(strstr(place->problem.text, "w.yaml: No such file or directory") != NULL);
    write_file(place->path, "", 0);
    place->path[strlen(place->path) - strlen("/w.yaml")] = '\0';
    CHECK_EQ(STATUS_IO, read_place(place)); /* a directory */
    free_place(place);
}

static void problems_have_their_place(void)
{
    struct place *place = new_place();
    write_file(place->path, "version: a\nheadz: {}\n", 21);
    CHECK_EQ(STATUS_INVALID, read_place(place));
    CHECK_EQ(1, place->problems.count);
    CHECK_EQ(2, place->problems.items[0].line);
    CHECK(place->weights == NULL);
    CHECK(text_equal(text_of("version: a\nheadz: {}\n"), place->file.source.yaml));
    free_place(place);
}

static void file_may_be_as_long_as_the_limit_and_no_longer(void)
{
    static const char begin[] = "version: long\n";
    struct place *place = new_place();
    char *bytes = malloc(LIMIT_WEIGHTS_BYTES + 1);
    CHECK(bytes != NULL);
    memset(bytes, '\n', LIMIT_WEIGHTS_BYTES + 1);
    memcpy(bytes, begin, sizeof(begin) - 1);
    write_file(place->path, bytes, LIMIT_WEIGHTS_BYTES);
    CHECK_EQ(STATUS_OK, read_place(place));
    CHECK_EQ(LIMIT_WEIGHTS_BYTES, place->file.source.yaml.size);
    write_file(place->path, bytes, LIMIT_WEIGHTS_BYTES + 1);
    CHECK_EQ(STATUS_INVALID, read_place(place));
    free(bytes);
    free_place(place);
}

static void stamp_changes_with_the_files(void)
{
    struct place *place = new_place();
    struct weights_file_names names = {.count = 1, .items = {"m.json"}};
    struct weights_file_names none = {.count = 0};
    char model[sizeof(place->path)];
    char other[sizeof(place->path) + 4];
    snprintf(model, sizeof(model), "%.*sm.json", (int)(strlen(place->path) - strlen("w.yaml")),
             place->path);
    snprintf(other, sizeof(other), "%s.new", place->path);
    uint64_t absent = weights_file_stamp(place->path, &names);
    write_file(place->path, "version: a\n", 11);
    uint64_t first = weights_file_stamp(place->path, &names);
    CHECK(absent != first);
    CHECK(first == weights_file_stamp(place->path, &names));
    CHECK(first != weights_file_stamp(place->path, &none));
    write_file(model, "{}", 2); /* a model that comes */
    uint64_t second = weights_file_stamp(place->path, &names);
    CHECK(first != second);
    write_file(other, "version: a\n", 11); /* the same bytes in another file */
    CHECK(rename(other, place->path) == 0);
    CHECK(second != weights_file_stamp(place->path, &names));
    second = weights_file_stamp(place->path, &names);
    CHECK(unlink(model) == 0);
    CHECK(second != weights_file_stamp(place->path, &names));
    free_place(place);
}

/* One leaf each side of a half. */
static const char stump[] =
    "{\"learner\": {\"objective\": {\"name\": \"reg:squarederror\"},"
    " \"learner_model_param\": {\"base_score\": \"0.5\", \"num_class\": \"0\"},"
    " \"feature_names\": [\"quality\"],"
    " \"gradient_booster\": {\"name\": \"gbtree\", \"model\": {\"trees\": [{"
    "\"left_children\": [1, -1, -1], \"right_children\": [2, -1, -1],"
    " \"split_conditions\": [0.5, -0.5, 0.5], \"split_indices\": [0, 0, 0],"
    " \"default_left\": [1, 0, 0], \"split_type\": [0, 0, 0]}]}}}}";

static const char two_heads[] = "version: m\n"
                                "heads:\n"
                                "  like: {kind: trees, model: m.json}\n"
                                "  share: {kind: trees, model: m.json}\n";

static void model_files_are_read_beside_the_weights(void)
{
    struct place *place = new_place();
    struct weights *weights = NULL;
    write_file(place->path, two_heads, sizeof(two_heads) - 1);
    CHECK_EQ(STATUS_INVALID, read_place(place));
    CHECK(strstr(place->problems.items[0].message, "it cannot be read: No such file") != NULL);
    CHECK_EQ(3, place->problems.items[0].line);
    CHECK_EQ(1, place->file.names.count); /* to be watched for */
    CHECK_EQ(0, place->file.source.model_count);
    char *end = strrchr(place->path, '/');
    memcpy(end, "/m.json", sizeof("/m.json"));
    write_file(place->path, stump, sizeof(stump) - 1);
    memcpy(end, "/w.yaml", sizeof("/w.yaml"));
    CHECK_EQ(STATUS_OK, read_place(place));
    CHECK_EQ(1, place->file.names.count);
    CHECK_EQ(1, place->file.source.model_count);
    CHECK_STR("m.json", place->file.source.models[0].name);
    CHECK(text_equal(text_of(stump), place->file.source.models[0].content));
    /* What was read gives the same version without the files. */
    CHECK_EQ(STATUS_OK, weights_source_parse(&place->file.source, &weights, &place->problems));
    CHECK_STR(weights_version(place->weights), weights_version(weights));
    weights_unref(weights);
    free_place(place);
}

static void models_lie_below_the_directory_of_the_weights(void)
{
    struct problem problem = {""};
    char out[FILES_PATH_SIZE];
    char path[FILES_PATH_SIZE];
    CHECK_EQ(STATUS_OK, weights_file_model_path("a/b/w.yaml", "dir/m.json", out, &problem));
    CHECK_STR("a/b/dir/m.json", out);
    CHECK_EQ(STATUS_OK, weights_file_model_path("w.yaml", "m.json", out, &problem));
    CHECK_STR("m.json", out);
    memset(path, 'a', sizeof(path));
    path[FILES_PATH_SIZE - 3] = '/';
    path[FILES_PATH_SIZE - 2] = '\0';
    CHECK_EQ(STATUS_OK, weights_file_model_path(path, "m", out, &problem));
    CHECK_EQ(FILES_PATH_SIZE - 1, strlen(out));
    CHECK_EQ(STATUS_INVALID, weights_file_model_path(path, "mm", out, &problem));
    CHECK_STR("the path of model file \"mm\" is too long", problem.text);
}

static void names_stay_below_the_file(void)
{
    static const char *const good[] = {"a", "a.json", "dir/a.json", "a b", "..a", "...", "\u0939"};
    static const char *const bad[] = {"",     "/a", ".",    "..",  "../a", "a/../b",
                                      "a//b", "a/", "a\nb", "./a", "a/.",  "\xff"};
    char longest[WEIGHTS_MODEL_NAME_SIZE + 1];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(weights_model_name_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!weights_model_name_valid(bad[i]));
    }
    memset(longest, 'a', sizeof(longest));
    longest[WEIGHTS_MODEL_NAME_SIZE] = '\0';
    CHECK(!weights_model_name_valid(longest));
    longest[WEIGHTS_MODEL_NAME_SIZE - 1] = '\0';
    CHECK(weights_model_name_valid(longest));
}

static void check_refused(const struct weights_source *source, const char *text)
{
    struct weights *weights = NULL;
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    CHECK(problems != NULL);
    CHECK_EQ(STATUS_INVALID, weights_source_parse(source, &weights, problems));
    CHECK_EQ(1, problems->count);
    CHECK_EQ(1, problems->items[0].line);
    if (strstr(problems->items[0].message, text) == NULL) {
        fprintf(stderr, "want %s in %s\n", text, problems->items[0].message);
        abort();
    }
    free(problems);
}

static void models_that_are_of_no_use_are_refused(void)
{
    struct text yaml = text_of("version: a\n");
    struct weights_model_file *models = calloc(LIMIT_MODEL_FILES + 1, sizeof(*models));
    CHECK(models != NULL);
    struct weights_source source = {.yaml = yaml, .models = models, .model_count = 1};
    snprintf(models[0].name, sizeof(models[0].name), "m.json");
    check_refused(&source, "model file \"m.json\" is given, but no head");
    snprintf(models[1].name, sizeof(models[1].name), "m.json");
    source.model_count = 2;
    check_refused(&source, "model file \"m.json\" is given twice");
    snprintf(models[0].name, sizeof(models[0].name), "../m.json");
    check_refused(&source, "stays below the weights file");
    source.model_count = LIMIT_MODEL_FILES + 1;
    check_refused(&source, "found 65 model files, allowed are at most 64");
    snprintf(models[0].name, sizeof(models[0].name), "n.json");
    models[0].content = (struct text){"", LIMIT_MODEL_BYTES + 1}; /* nothing reads them */
    source.model_count = 1;
    check_refused(&source, "16777217 bytes together");
    free(models);
}

static void every_part_counts_in_the_hash(void)
{
    struct weights_model_file models[] = {{.name = "a", .content = text_of("bc")}};
    struct weights_source source = {.yaml = text_of("y"), .models = models, .model_count = 1};
    uint64_t hash = weights_source_hash(&source);
    CHECK(hash == weights_source_hash(&source));
    models[0].content = text_of("bd");
    CHECK(hash != weights_source_hash(&source));
    models[0].content = text_of("c");
    snprintf(models[0].name, sizeof(models[0].name), "ab"); /* the same bytes in a row */
    CHECK(hash != weights_source_hash(&source));
    source.model_count = 0;
    CHECK(hash != weights_source_hash(&source));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(file_is_read_and_parsed),
        TEST(missing_file_is_told_of),
        TEST(problems_have_their_place),
        TEST(file_may_be_as_long_as_the_limit_and_no_longer),
        TEST(stamp_changes_with_the_files),
        TEST(model_files_are_read_beside_the_weights),
        TEST(models_lie_below_the_directory_of_the_weights),
        TEST(names_stay_below_the_file),
        TEST(models_that_are_of_no_use_are_refused),
        TEST(every_part_counts_in_the_hash),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
