#include "ranker/weights_yaml.h"

#include <libfyaml.h>

#include "ranker/check.h"

/* libfyaml reads a line of brackets to its end before it tells of the first: seconds for a MiB. */
enum { LINE_BYTES_MAX = 65536 };

/* Collected errors do not come here; what libfyaml prints past its collection is dropped. */
static void drop_output(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)size;
}

/* What is wrong with a line, without its end; NULL if nothing is. */
static const char *judge_line(struct text line)
{
    if (line.size > LINE_BYTES_MAX) {
        return "the line is longer than 65536 bytes";
    }
    if (line.size > 0 && memchr(line.data, '\0', line.size) != NULL) {
        return "the line has a zero byte; the file must be text";
    }
    return text_is_utf8(line) ? NULL : "the line is not UTF-8";
}

const char *yaml_complaint(struct text text, unsigned *line)
{
    const char *why = NULL;
    struct text rest = text;
    for (unsigned number = 1; why == NULL && rest.size > 0; number++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        why = judge_line((struct text){.data = rest.data, .size = size});
        *line = number;
        size_t used = size < rest.size ? size + 1 : size;
        rest = (struct text){.data = rest.data + used, .size = rest.size - used};
    }
    return why;
}

enum status yaml_init(struct yaml_reader *reader, struct text text)
{
    *reader = (struct yaml_reader){.line = 1, .column = 1};
    reader->text = text.size > 0 ? text : text_of("\n"); /* libfyaml takes no empty text */
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = drop_output;
    reader->diag = fy_diag_create(&diag_config);
    if (reader->diag == NULL) {
        return STATUS_NO_MEMORY;
    }
    fy_diag_set_collect_errors(reader->diag, true);
    const struct fy_parse_cfg config = {
        .search_path = "",
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2,
        .diag = reader->diag,
    };
    reader->parser = fy_parser_create(&config);
    if (reader->parser == NULL ||
        fy_parser_set_string(reader->parser, reader->text.data, reader->text.size) != 0) {
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void yaml_release(struct yaml_reader *reader)
{
    if (reader->parser != NULL) {
        fy_parser_event_free(reader->parser, reader->current);
        fy_parser_destroy(reader->parser);
    }
    if (reader->diag != NULL) {
        fy_diag_destroy(reader->diag);
    }
    *reader = (struct yaml_reader){0};
}

static void stop(struct yaml_reader *reader, const char *why, struct yaml_event *out)
{
    reader->ended = true;
    out->kind = YAML_ERROR;
    out->text = text_of(why);
}

/* The first error or warning, such as of a directive it does not know; NULL if there is none. */
static const struct fy_diag_error *find_error(const struct yaml_reader *reader)
{
    void *position = NULL;
    const struct fy_diag_error *error;
    do {
        error = fy_diag_errors_iterate(reader->diag, &position);
    } while (error != NULL && (error->type < FYET_WARNING || error->msg == NULL));
    return error;
}

/* libfyaml's stream ends: well, with what it complained of, or with an error it did not collect. */
static void end_stream(struct yaml_reader *reader, struct yaml_event *out)
{
    const struct fy_diag_error *error = find_error(reader);
    reader->ended = true;
    if (error != NULL) {
        stop(reader, error->msg, out);
        out->line = error->line > 0 ? (unsigned)error->line : 1;
        out->column = error->column > 0 ? (unsigned)error->column : 1;
    } else if (fy_parser_get_stream_error(reader->parser)) {
        stop(reader, "this is not YAML", out);
    }
}

/* libfyaml counts from 0 and starts after an opening quote or the star of an alias. */
static void place(struct yaml_reader *reader, struct fy_event *event, bool after_sign)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark != NULL) { /* an empty value has none and stays where its key is */
        reader->line = (unsigned)mark->line + 1;
        reader->column = (unsigned)mark->column + (after_sign && mark->column > 0 ? 0 : 1);
    }
}

static void measure(struct fy_event *event, struct yaml_event *out)
{
    const struct fy_mark *start = fy_event_start_mark(event);
    const struct fy_mark *end = fy_event_end_mark(event);
    if (start != NULL && end != NULL) {
        out->start = start->input_pos;
        out->end = end->input_pos;
    }
}

static bool is_bare(struct text text, enum fy_scalar_style style)
{
    const char *end = text.data + text.size;
    const char *c = text.data;
    for (; c < end && *c != '\n' && *c != '\r'; c++) {
        if (style == FYSS_SINGLE_QUOTED ? *c == '\'' : style == FYSS_DOUBLE_QUOTED && *c == '\\') {
            return false;
        }
    }
    return c == end && style != FYSS_LITERAL && style != FYSS_FOLDED;
}

/*
 * Takes the text between the marks as it stands. No value of a weights file needs escapes or more
 * than a line, and fy_token_get_text(), which would resolve them, leaks memory on long runs of
 * doubled quotes.
 */
static void read_scalar(struct yaml_reader *reader, struct fy_event *event, struct yaml_event *out)
{
    enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
    const struct fy_mark *start = fy_event_start_mark(event);
    const struct fy_mark *end = fy_event_end_mark(event);
    out->kind = YAML_SCALAR;
    out->text = (struct text){.data = reader->text.data, .size = 0};
    out->plain = style == FYSS_PLAIN;
    if (start != NULL && end != NULL) {
        CHECK(start->input_pos <= end->input_pos);
        CHECK(end->input_pos <= reader->text.size);
        out->text.data += start->input_pos;
        out->text.size = end->input_pos - start->input_pos;
    }
    if (!is_bare(out->text, style)) {
        out->refused = "a key or value must be on one line, without escapes";
    }
    place(reader, event, style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED);
}

static void open_node(struct yaml_reader *reader, enum yaml_kind kind, struct yaml_event *out)
{
    out->kind = kind;
    out->flow = fy_event_get_node_style(reader->current) == FYNS_FLOW;
    reader->depth++;
    if (reader->depth > YAML_DEPTH_MAX) {
        stop(reader, "nested too deeply", out);
    }
}

/* Fills kind, text, plain and the reader's place; false for an event that carries no node. */
static bool read_event(struct yaml_reader *reader, struct fy_event *event, struct yaml_event *out)
{
    switch (event->type) {
    case FYET_SCALAR:
        read_scalar(reader, event, out);
        return true;
    case FYET_ALIAS:
        out->kind = YAML_SCALAR;
        place(reader, event, true);
        return true;
    case FYET_MAPPING_START:
        place(reader, event, false);
        open_node(reader, YAML_MAPPING, out);
        return true;
    case FYET_SEQUENCE_START:
        place(reader, event, false);
        open_node(reader, YAML_SEQUENCE, out);
        return true;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        out->kind = YAML_CLOSE;
        reader->depth--;
        return true;
    case FYET_DOCUMENT_START:
        reader->document_count++;
        if (reader->document_count > 1) {
            place(reader, event, false);
            stop(reader, "a second document starts; a weights file is one", out);
        }
        return reader->ended;
    default:
        return false;
    }
}

static void refuse(struct fy_event *event, struct yaml_event *out)
{
    if (event->type == FYET_ALIAS) {
        out->refused = "aliases are not allowed; write the value out";
    } else if (fy_event_get_anchor_token(event) != NULL) {
        out->refused = "anchors are not allowed; write each value out";
    } else if (fy_event_get_tag_token(event) != NULL) {
        out->refused = "tags are not allowed; write the bare value";
    }
}

void yaml_next(struct yaml_reader *reader, struct yaml_event *out)
{
    bool found = false;
    *out = (struct yaml_event){.kind = YAML_END};
    while (!found && !reader->ended) {
        fy_parser_event_free(reader->parser, reader->current);
        reader->current = fy_parser_parse(reader->parser);
        if (reader->current != NULL) {
            found = read_event(reader, reader->current, out);
            measure(reader->current, out);
            refuse(reader->current, out);
        } else {
            end_stream(reader, out);
        }
    }
    if (out->line == 0) {
        out->line = reader->line;
        out->column = reader->column;
    }
}
