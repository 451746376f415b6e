#include "server/options_file.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_SIZE = 64 }; /* twice the longest that is known */

/* One file, while it is read. */
struct reader {
    struct options *options;
    struct text rest;
    unsigned line;                 /* the number of the present one, from 1 */
    unsigned set_at[OPTION_COUNT]; /* the line that set it; 0: none has */
    struct problem *problem;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct text without_comment(struct text line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == '#' && (i == 0 || is_blank(line.data[i - 1]))) {
            line.size = i;
        }
    }
    return line;
}

/* Copies as a string; false when it does not fit, or has a zero byte. */
static bool copy(struct text text, char *out, size_t size)
{
    if (text.size >= size || (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)) {
        return false;
    }
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
    return true;
}

static enum status set(struct reader *reader, const char *name, const char *value)
{
    size_t row = options_find(name);
    if (row < OPTION_COUNT && reader->set_at[row] > 0) {
        problem_set(reader->problem, "%s: line %u has set it already", name, reader->set_at[row]);
        return STATUS_INVALID;
    }
    enum status status = options_set(reader->options, name, value, reader->problem);
    if (status == STATUS_OK) {
        reader->set_at[row] = reader->line;
    }
    return status;
}

static enum status take_line(struct reader *reader, struct text line)
{
    char name[NAME_SIZE];
    char value[OPTION_TEXT_SIZE];
    struct text content = text_trim(without_comment(line));
    if (content.size == 0) {
        return STATUS_OK;
    }
    struct text after = content;
    struct text before = text_trim(text_take(&after, '='));
    if (before.size == content.size || before.size == 0) {
        problem_set(reader->problem, "expected NAME = VALUE, found \"%.*s\"",
                    content.size < NAME_SIZE ? (int)content.size : NAME_SIZE, content.data);
        return STATUS_INVALID;
    }
    if (!copy(before, name, sizeof(name))) {
        problem_set(reader->problem, "%.*s: no such option", NAME_SIZE, before.data);
        return STATUS_INVALID;
    }
    if (!copy(text_trim(after), value, sizeof(value))) {
        problem_set(reader->problem, "%s: a value has at most %d bytes, and no zero byte", name,
                    OPTION_TEXT_SIZE - 1);
        return STATUS_INVALID;
    }
    return set(reader, name, value);
}

static void locate(struct problem *problem, const char *path, unsigned line)
{
    struct problem what = *problem;
    problem_set(problem, "%.160s:%u: %s", path, line, what.text);
}

enum status options_file_apply(struct options *options, struct text text, const char *path,
                               struct problem *problem)
{
    struct options changed = *options;
    struct reader reader = {.options = &changed, .rest = text, .problem = problem};
    while (reader.rest.size > 0) {
        struct text line = text_take(&reader.rest, '\n');
        reader.line++;
        enum status status = take_line(&reader, line);
        if (status != STATUS_OK) {
            locate(problem, path, reader.line);
            return status;
        }
    }
    *options = changed;
    return STATUS_OK;
}
