#include "server/log_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/text.h"

/* The end of a line takes up to three bytes: a quote, a brace, and a newline. */
enum { END_SIZE = 3, KEY_SIZE = 64, NUMBER_SIZE = 32, DIGITS_MAX = 20 };

/* Whether so many more bytes fit; once they do not, nothing more does. */
static bool has_room(struct log_text *line, size_t size)
{
    line->full = line->full || line->size + size + END_SIZE > LOG_TEXT_SIZE;
    return !line->full;
}

static void put(struct log_text *line, const char *bytes, size_t size)
{
    if (has_room(line, size)) {
        memcpy(line->bytes + line->size, bytes, size);
        line->size += size;
    }
}

/* A byte within quotes. */
static void put_escaped(struct log_text *line, char c)
{
    char code[8];
    if (c == '"' || c == '\\') {
        char pair[2] = {'\\', c};
        put(line, pair, 2);
    } else if ((unsigned char)c < ' ' || c == 0x7f) {
        int size = snprintf(code, sizeof(code), "\\u%04x", (unsigned)c);
        put(line, code, (size_t)size);
    } else {
        put(line, &c, 1);
    }
}

/* How long a character of UTF-8 at text is; 0: it is none. */
static size_t character_size(struct text text)
{
    for (size_t size = 1; size <= 4 && size <= text.size; size++) {
        if (text_is_utf8((struct text){text.data, size})) {
            return size;
        }
    }
    return 0;
}

/* A character at a time, so that a cut leaves valid UTF-8; what is none becomes "?". */
static void put_text(struct log_text *line, struct text text)
{
    for (size_t at = 0; at < text.size && !line->full;) {
        size_t size = character_size((struct text){text.data + at, text.size - at});
        if (size == 1) {
            put_escaped(line, text.data[at]);
        } else {
            put(line, size > 0 ? text.data + at : "?", size > 0 ? size : 1);
        }
        at += size > 0 ? size : 1;
    }
}

void log_text_begin(struct log_text *line, bool json)
{
    line->json = json;
    line->size = 0;
    line->full = false;
    if (json) {
        put(line, "{", 1);
    }
}

/* Up to where the value begins. False: there is no room for it. */
static bool put_key(struct log_text *line, struct text key)
{
    bool first = line->size == (line->json ? 1 : 0);
    if (!has_room(line, key.size + NUMBER_SIZE)) { /* and what stands around it, and a number */
        return false;
    }
    if (!first) {
        put(line, line->json ? "," : " ", 1);
    }
    put(line, "\"", line->json ? 1 : 0);
    put(line, key.data, key.size);
    put(line, line->json ? "\":" : "=", line->json ? 2 : 1);
    return true;
}

/* The quote behind a value is always written: its room is kept. */
static void end_quote(struct log_text *line)
{
    line->bytes[line->size++] = '"';
}

void log_text_pair(struct log_text *line, const char *key, const char *value, bool quoted)
{
    quoted = quoted || line->json;
    if (!put_key(line, text_of(key))) {
        return;
    }
    put(line, "\"", quoted ? 1 : 0);
    put_text(line, text_of(value));
    if (quoted) {
        end_quote(line);
    }
}

/* What stands between a '%' and its letter. */
struct conversion {
    int precision; /* -1: none */
    bool is_wide;  /* of 64 bits, as l, ll, z, j and t are here */
    char letter;
};

/* *format is behind the '%', and then behind the letter. Widths and flags are none of a log's. */
static struct conversion parse_conversion(const char **format, va_list *arguments)
{
    struct conversion found = {.precision = -1};
    const char *at = *format;
    if (*at == '.') {
        char *end = NULL;
        found.precision = at[1] == '*' ? va_arg(*arguments, int) : (int)strtol(at + 1, &end, 10);
        at = at[1] == '*' ? at + 2 : end;
    }
    for (; *at != '\0' && strchr("hlzjt", *at) != NULL; at++) {
        found.is_wide = found.is_wide || *at != 'h';
    }
    found.letter = *at;
    *format = at + 1;
    return found;
}

static int put_real(char buffer[NUMBER_SIZE], const struct conversion *wanted, double value)
{
    int precision = wanted->precision >= 0 ? wanted->precision : 6;
    return wanted->letter == 'f' ? snprintf(buffer, NUMBER_SIZE, "%.*f", precision, value)
                                 : snprintf(buffer, NUMBER_SIZE, "%.*g", precision, value);
}

/* The argument of a conversion as text; *format as above. Numbers go into buffer. */
static struct text convert(const char **format, va_list *arguments, char buffer[NUMBER_SIZE])
{
    struct conversion wanted = parse_conversion(format, arguments);
    int size = 0;
    switch (wanted.letter) {
    case 's': {
        const char *text = va_arg(*arguments, const char *);
        return wanted.precision >= 0 ? (struct text){text, strnlen(text, (size_t)wanted.precision)}
                                     : text_of(text);
    }
    case 'd':
        size = snprintf(buffer, NUMBER_SIZE, "%" PRId64,
                        wanted.is_wide ? va_arg(*arguments, int64_t) : va_arg(*arguments, int));
        break;
    case 'u':
        size =
            snprintf(buffer, NUMBER_SIZE, "%" PRIu64,
                     wanted.is_wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned));
        break;
    case 'x':
        size =
            snprintf(buffer, NUMBER_SIZE, "%" PRIx64,
                     wanted.is_wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned));
        break;
    case 'f':
    case 'g':
        size = put_real(buffer, &wanted, va_arg(*arguments, double));
        break;
    default:
        CHECK(false); /* observability_test looks for others in the sources */
    }
    return (struct text){buffer, size < NUMBER_SIZE ? (size_t)size : NUMBER_SIZE - 1};
}

/* A number as JSON has them, so that 007 and -- are none, and none that readers have no type for.
 */
static bool is_number(struct text text)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    bool has_digits = at < text.size && (text.data[at] != '0' || at + 1 == text.size);
    has_digits = has_digits && text.size - at <= DIGITS_MAX;
    for (; at < text.size; at++) {
        has_digits = has_digits && isdigit((unsigned char)text.data[at]) != 0;
    }
    return has_digits;
}

/* A value outside quotes, from *format up to the next space; returns behind it. */
static const char *put_word(struct log_text *line, const char *format, va_list *arguments)
{
    char word[512];
    char buffer[NUMBER_SIZE];
    size_t size = 0;
    while (*format != '\0' && *format != ' ') {
        struct text part = {format, 1};
        format++;
        if (*part.data == '%') {
            part = convert(&format, arguments, buffer);
        }
        part.size = part.size < sizeof(word) - size ? part.size : sizeof(word) - size;
        memcpy(word + size, part.data, part.size);
        size += part.size;
    }
    struct text text = {word, size};
    bool quoted = line->json && !is_number(text);
    put(line, "\"", quoted ? 1 : 0);
    put_text(line, text);
    if (quoted) {
        end_quote(line);
    }
    return format;
}

/* A value in quotes, whose first is at *format; returns behind the second. */
static const char *put_quoted(struct log_text *line, const char *format, va_list *arguments)
{
    char buffer[NUMBER_SIZE];
    put(line, "\"", 1);
    format++;
    while (*format != '"') {
        CHECK(*format != '\0');
        struct text part = {format, 1};
        format++;
        if (*part.data == '%') {
            part = convert(&format, arguments, buffer);
        }
        put_text(line, part);
    }
    end_quote(line);
    return format + 1;
}

void log_text_format(struct log_text *line, const char *format, va_list arguments)
{
    va_list left;
    va_copy(left, arguments);
    while (*format != '\0') {
        size_t size = strcspn(format, "=");
        CHECK(format[size] == '=');
        if (!put_key(line, (struct text){format, size})) {
            break;
        }
        format += size + 1;
        format = *format == '"' ? put_quoted(line, format, &left) : put_word(line, format, &left);
        format += strspn(format, " ");
    }
    va_end(left);
}

void log_text_end(struct log_text *line)
{
    if (line->json) {
        line->bytes[line->size++] = '}';
    }
    line->bytes[line->size++] = '\n';
}
