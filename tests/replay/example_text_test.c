#include "replay/example_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "ranker/random.h"
#include "replay/temporary.h"
#include "tests/test.h"

enum { ROWS = 40, LINE_SIZE = 1 << 14, COLUMNS_BEFORE = 10 };

#define XGB(call)                                       \
    do {                                                \
        if ((call) != 0) {                              \
            fprintf(stderr, "%s\n", XGBGetLastError()); \
            abort();                                    \
        }                                               \
    } while (0)

/* Each third has no label of like; a fifth of all features is missing, a tenth is 0. */
static struct example example_of(size_t row)
{
    struct random random = random_stream(5, row, 0);
    bool known = row % 3 != 2;
    struct example example = {.time_ms = 1700000000000 + (int64_t)row,
                              .user_key = UINT64_C(0xfedcba9876543210) + row,
                              .video_key = row + 1,
                              .group = row / 4 + 1,
                              .position = (uint32_t)(row % 5),
                              .propensity = row % 2 == 0 ? 0.125 : (double)NAN,
                              .weight = 1,
                              .known = (uint32_t)known << HEAD_LIKE | 1U << HEAD_WATCH_QUANTILE,
                              .positive = (uint32_t)(known && row % 2 == 0) << HEAD_LIKE,
                              .watch_quantile = 0.375,
                              .watch_ms = 86400000,
                              .duration_ms = row % 7 == 0 ? 0 : 86399999,
                              .censored = row % 7 != 0};
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        double value = random_chance(&random, 0.1) ? 0 : random_normal(&random) * 1e3;
        value = random_chance(&random, 0.3) ? floor(value) : value;
        example.features[i] = random_chance(&random, 0.2) ? NAN : (float)value;
    }
    return example;
}

static FILE *write_rows(enum example_form form, enum head label, size_t *written)
{
    FILE *file = temporary_open();
    CHECK(file != NULL);
    *written = 0;
    example_text_begin(file, form, label);
    for (size_t i = 0; i < ROWS; i++) {
        struct example example = example_of(i);
        *written += example_text_row(file, form, label, &example);
    }
    rewind(file);
    return file;
}

static void read_line(FILE *file, char line[LINE_SIZE])
{
    CHECK(fgets(line, LINE_SIZE, file) != NULL);
    size_t size = strlen(line);
    CHECK(size > 0 && line[size - 1] == '\n');
    line[size - 1] = '\0';
}

static bool same_float(float want, const char *text)
{
    return text == NULL || text[0] == '\0'
               ? isnan(want)
               : !isnan(want) && !(strtof(text, NULL) < want) && !(strtof(text, NULL) > want);
}

/* ---- CSV ---- */

static char *next_field(char **rest)
{
    char *field = strsep(rest, ",");
    CHECK(field != NULL);
    return field;
}

static void csv_names_all_columns(void)
{
    char line[LINE_SIZE];
    size_t written;
    FILE *file = write_rows(EXAMPLE_CSV, HEAD_LIKE, &written);
    read_line(file, line);
    char *rest = line;
    CHECK_STR("time_ms", next_field(&rest));
    for (size_t i = 1; i < COLUMNS_BEFORE; i++) {
        (void)next_field(&rest);
    }
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        char *name = next_field(&rest);
        CHECK(strncmp(name, "label_", 6) == 0);
        CHECK_STR(head_name(i), name + 6);
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        CHECK_STR(feature_name(i), next_field(&rest));
    }
    CHECK(rest == NULL);
    fclose(file);
}

static void check_csv_row(char *line, size_t row)
{
    struct example want = example_of(row);
    char *rest = line;
    CHECK_EQ(want.time_ms, strtoll(next_field(&rest), NULL, 10));
    char *user = next_field(&rest);
    CHECK_EQ(16, strlen(user));
    CHECK(strtoull(user, NULL, 16) == want.user_key);
    CHECK_EQ(want.video_key, strtoull(next_field(&rest), NULL, 16));
    CHECK_EQ(want.group, strtoull(next_field(&rest), NULL, 10));
    char *position = next_field(&rest);
    CHECK_EQ(want.position, strtoul(position, NULL, 10));
    CHECK_EQ(want.position == 0, position[0] == '\0');
    CHECK_STR(row % 2 == 0 ? "0.125" : "", next_field(&rest));
    CHECK_STR("1", next_field(&rest));
    CHECK_STR("86400000", next_field(&rest));
    CHECK_STR(row % 7 == 0 ? "" : "86399999", next_field(&rest));
    CHECK_STR(row % 7 == 0 ? "0" : "1", next_field(&rest));
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        char *label = next_field(&rest);
        const char *like = row % 3 == 2 ? "" : row % 2 == 0 ? "1" : "0";
        CHECK_STR(i == HEAD_LIKE ? like : i == HEAD_WATCH_QUANTILE ? "0.375" : "", label);
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        CHECK(same_float(want.features[i], next_field(&rest)));
    }
    CHECK(rest == NULL);
}

static void csv_reads_back_with_the_same_floats(void)
{
    char line[LINE_SIZE];
    size_t written;
    FILE *file = write_rows(EXAMPLE_CSV, HEAD_LIKE, &written);
    CHECK_EQ(ROWS, written);
    read_line(file, line);
    for (size_t i = 0; i < ROWS; i++) {
        read_line(file, line);
        check_csv_row(line, i);
    }
    CHECK(fgetc(file) == EOF);
    fclose(file);
}

/* ---- LibSVM ---- */

static void check_libsvm_row(char *line, size_t row)
{
    struct example want = example_of(row);
    char *rest = line;
    const char *fields[FEATURE_COUNT] = {NULL};
    unsigned last = 0;
    CHECK_STR(row % 2 == 0 ? "1" : "0", strsep(&rest, " "));
    char *group = strsep(&rest, " ");
    CHECK(strncmp(group, "qid:", 4) == 0);
    CHECK_EQ(want.group, strtoull(group + 4, NULL, 10));
    while (rest != NULL) {
        char *value = strsep(&rest, " ");
        unsigned index = (unsigned)strtoul(strsep(&value, ":"), NULL, 10);
        CHECK(index > last && index <= FEATURE_COUNT);
        fields[index - 1] = value;
        last = index;
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        CHECK(same_float(want.features[i], fields[i]));
    }
}

static void libsvm_leaves_out_what_is_missing_and_what_has_no_label(void)
{
    char line[LINE_SIZE];
    size_t written;
    FILE *file = write_rows(EXAMPLE_LIBSVM, HEAD_LIKE, &written);
    CHECK_EQ(ROWS - ROWS / 3, written);
    read_line(file, line);
    const char begin[] = "# label like of features 1:freshness 2:age_hours ";
    CHECK(strncmp(line, begin, sizeof(begin) - 1) == 0);
    for (size_t i = 0; i < ROWS; i++) {
        if (i % 3 != 2) {
            read_line(file, line);
            check_libsvm_row(line, i);
        }
    }
    CHECK(fgetc(file) == EOF);
    fclose(file);
}

static void libsvm_has_the_watch_quantile_as_a_label_too(void)
{
    char line[LINE_SIZE];
    size_t written;
    FILE *file = write_rows(EXAMPLE_LIBSVM, HEAD_WATCH_QUANTILE, &written);
    CHECK_EQ(ROWS, written);
    read_line(file, line);
    read_line(file, line);
    CHECK(strncmp(line, "0.375 qid:1 ", 12) == 0);
    fclose(file);
}

/* XGBoost reads files by name. */
static void copy_to(FILE *from, const char *path)
{
    FILE *to = fopen(path, "we");
    CHECK(to != NULL);
    for (int byte = fgetc(from); byte != EOF; byte = fgetc(from)) {
        CHECK(fputc(byte, to) != EOF);
    }
    CHECK_EQ(0, fclose(to));
}

static void check_labels_of_xgboost(DMatrixHandle matrix, size_t written)
{
    const float *labels;
    const unsigned *groups;
    bst_ulong count, group_count;
    XGB(XGDMatrixGetFloatInfo(matrix, "label", &count, &labels));
    CHECK_EQ(written, count);
    XGB(XGDMatrixGetUIntInfo(matrix, "group_ptr", &group_count, &groups));
    CHECK_EQ(ROWS / 4 + 1, group_count); /* where each begins, and the end */
    size_t at = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (i % 3 != 2) {
            CHECK_EQ(i % 2 == 0, (int)labels[at]);
            CHECK(groups[i / 4] <= at && at < groups[i / 4 + 1]);
            at++;
        }
    }
}

static void xgboost_reads_what_is_written(void)
{
    char path[TEST_PATH_SIZE], file_path[TEST_PATH_SIZE + 32], uri[TEST_PATH_SIZE + 80];
    size_t written;
    DMatrixHandle matrix;
    bst_ulong rows, columns;
    FILE *file = write_rows(EXAMPLE_LIBSVM, HEAD_LIKE, &written);
    test_directory(path);
    snprintf(file_path, sizeof(file_path), "%s/examples.libsvm", path);
    snprintf(uri, sizeof(uri), "%s?format=libsvm&indexing_mode=1", file_path);
    copy_to(file, file_path);
    fclose(file);
    XGB(XGDMatrixCreateFromFile(uri, 1, &matrix));
    XGB(XGDMatrixNumRow(matrix, &rows));
    XGB(XGDMatrixNumCol(matrix, &columns));
    CHECK_EQ(written, rows);
    CHECK_EQ(FEATURE_COUNT, columns);
    check_labels_of_xgboost(matrix, written);
    XGB(XGDMatrixFree(matrix));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(csv_names_all_columns),
        TEST(csv_reads_back_with_the_same_floats),
        TEST(libsvm_leaves_out_what_is_missing_and_what_has_no_label),
        TEST(libsvm_has_the_watch_quantile_as_a_label_too),
        TEST(xgboost_reads_what_is_written),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
