#include "replay/svg.h"

#include <stdbool.h>
#include <string.h>

#include "replay/page.h"

struct range {
    const char *at;
    const char *end;
};

static bool begins(struct range text, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(text.end - text.at) >= size && memcmp(text.at, word, size) == 0;
}

/* The first place of word; the end where there is none. */
static const char *find(struct range text, const char *word)
{
    while (text.at < text.end && !begins(text, word)) {
        text.at++;
    }
    return text.at;
}

/* Behind the first place of word. */
static const char *behind(struct range text, const char *word)
{
    const char *at = find(text, word);
    return at < text.end ? at + strlen(word) : at;
}

/* What is between <svg ...> and the last </svg>. */
static bool find_body(struct range drawing, struct range *body)
{
    const char *tag = find(drawing, "<svg");
    const char *start = find((struct range){tag, drawing.end}, ">");
    if (start == drawing.end) {
        return false;
    }
    const char *end = drawing.end;
    while (end > start && !begins((struct range){end, drawing.end}, "</svg>")) {
        end--;
    }
    *body = (struct range){start + 1, end};
    return end > start;
}

/* An element that a page has no use for; NULL for others. Titles would show as hints on hovering.
 */
static const char *end_of_unwanted(struct range text)
{
    static const char *const unwanted[][2] = {
        {"<title>", "</title>"}, {"<desc>", "</desc>"}, {"<filter ", "</filter>"}};
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        if (begins(text, unwanted[i][0])) {
            return unwanted[i][1];
        }
    }
    return NULL;
}

/* What is written for something within a tag. */
struct rule {
    const char *found;
    const char *written;
    bool names; /* an id follows */
};

static const struct rule *rule_of(struct range tag)
{
    static const struct rule rules[] = {
        {" id='", " id='", true},
        {" id=\"", " id=\"", true},
        {"xlink:href='#", "href='#", true},
        {":Bold\"", "\" font-weight=\"600\"", false},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (begins(tag, rules[i].found)) {
            return &rules[i];
        }
    }
    return NULL;
}

static void write_tag(FILE *file, struct range tag, unsigned number)
{
    while (tag.at < tag.end) {
        const struct rule *rule = rule_of(tag);
        if (rule == NULL) {
            fputc(*tag.at++, file);
            continue;
        }
        fputs(rule->written, file);
        if (rule->names) {
            fprintf(file, "plot%u-", number);
        }
        tag.at += strlen(rule->found);
    }
}

/* gnuplot writes "<" of texts as a reference, so that one always begins a tag. */
static void write_body(FILE *file, struct range body, unsigned number)
{
    while (body.at < body.end) {
        const char *closing = end_of_unwanted(body);
        if (closing != NULL) {
            body.at = behind(body, closing);
        } else if (*body.at == '<') {
            const char *tag_end = behind(body, ">");
            write_tag(file, (struct range){body.at, tag_end}, number);
            body.at = tag_end;
        } else {
            fputc(*body.at++, file);
        }
    }
}

enum status svg_write(FILE *file, const char *drawing, size_t size, const struct svg_frame *frame)
{
    struct range body;
    if (!find_body((struct range){drawing, drawing + size}, &body)) {
        return STATUS_CORRUPT;
    }
    fprintf(file,
            "<svg class=\"plot\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"",
            frame->width, frame->height, frame->width, frame->height);
    page_text(file, frame->label);
    fputs("\">", file);
    write_body(file, body, frame->number);
    fputs("</svg>\n", file);
    return STATUS_OK;
}
