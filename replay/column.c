/* wcwidth() is of the X/Open part of POSIX. */
#define _XOPEN_SOURCE 700

#include "replay/column.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

/* One character as it will be printed. */
struct glyph {
    const char *bytes;
    size_t size; /* bytes of the text it stands for */
    size_t printed_size;
    int width;
};

void column_init(void)
{
    /* Texts are UTF-8 whatever the user's locale; numbers and messages stay in the C locale. */
    setlocale(LC_CTYPE, "C.UTF-8");
}

static struct glyph next(const char *text)
{
    mbstate_t state = {0};
    wchar_t wide = 0;
    size_t size = mbrtowc(&wide, text, MB_LEN_MAX, &state);
    bool decoded = size != (size_t)-1 && size != (size_t)-2;
    int width = decoded ? wcwidth(wide) : -1;
    if (width < 0) {
        return (struct glyph){
            .bytes = "?", .size = decoded ? size : 1, .printed_size = 1, .width = 1};
    }
    return (struct glyph){.bytes = text, .size = size, .printed_size = size, .width = width};
}

int column_width(const char *text)
{
    int width = 0;
    while (*text != '\0') {
        struct glyph glyph = next(text);
        width += glyph.width;
        text += glyph.size;
    }
    return width;
}

/* Prints as much as fits and returns the columns it took. */
static int print_within(FILE *file, const char *text, int width)
{
    int used = 0;
    while (*text != '\0') {
        struct glyph glyph = next(text);
        if (used + glyph.width > width) {
            break;
        }
        fwrite(glyph.bytes, 1, glyph.printed_size, file);
        used += glyph.width;
        text += glyph.size;
    }
    return used;
}

/* Prints text within width and returns the columns it took. */
static int print_cut(FILE *file, const char *text, int width)
{
    if (column_width(text) <= width) {
        return print_within(file, text, width);
    }
    int used = print_within(file, text, width - 1);
    fputc('~', file);
    return used + 1;
}

void column_print(FILE *file, const char *text, int width)
{
    int used = print_cut(file, text, width);
    fprintf(file, "%*s", width - used, "");
}

void column_print_cut(FILE *file, const char *text, int width)
{
    (void)print_cut(file, text, width);
}

void column_print_all(FILE *file, const char *text)
{
    print_within(file, text, INT_MAX);
}
