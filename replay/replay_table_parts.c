#include "replay/replay_table_parts.h"

#include <math.h>
#include <string.h>

#include "replay/column.h"

void replay_table_title(FILE *file, const char *title)
{
    fputc('\n', file);
    column_print(file, title, TABLE_NAME_WIDTH + 2);
}

void replay_table_name(FILE *file, const char *name)
{
    fputs("  ", file);
    column_print(file, name, TABLE_NAME_WIDTH);
}

void replay_table_right(FILE *file, const char *text, int width)
{
    int used = column_width(text);
    if (width == 0) {
        column_print_all(file, text);
        return;
    }
    fprintf(file, "%*s", used < width ? width - used : 0, "");
    column_print_cut(file, text, width);
}

void replay_table_count(FILE *file, json_int_t count, int width)
{
    char text[REPORT_NUMBER_SIZE];
    report_format_count(count, text);
    replay_table_right(file, text, width);
}

void replay_table_put_number(FILE *file, double value, int digits, int width)
{
    char text[REPORT_NUMBER_SIZE];
    report_format(value, digits, false, text);
    replay_table_right(file, text, width);
}

void replay_table_share(FILE *file, double share, int width)
{
    char text[REPORT_NUMBER_SIZE];
    report_format_share(share, text);
    replay_table_right(file, text, width - 2);
    fputs(isnan(share) ? "  " : " %", file);
}

/* The longest beginning of a text that ends before a space and fits, or its first word. */
static size_t line_of(const char *text, int width)
{
    size_t size = 0;
    int used = 0;
    while (text[size] != '\0') {
        size_t word = strcspn(text + size + 1, " ") + 1;
        int wide = 0;
        /* As many columns as characters: what does not fit by that is only a little too long. */
        for (size_t i = 0; i < word; i++) {
            wide += ((unsigned char)text[size + i] & 0xC0) != 0x80;
        }
        if (size > 0 && used + wide > width) {
            break;
        }
        size += word;
        used += wide;
    }
    return size;
}

void replay_table_paragraph(FILE *file, const char *text, int indent)
{
    while (*text != '\0') {
        char line[4 * TABLE_WIDTH + 1];
        size_t size = line_of(text, TABLE_WIDTH - indent);
        snprintf(line, sizeof(line), "%.*s", (int)(size < sizeof(line) ? size : sizeof(line) - 1),
                 text);
        fprintf(file, "%*s", indent, "");
        column_print_all(file, line);
        fputc('\n', file);
        text += size < sizeof(line) ? size : sizeof(line) - 1;
        text += strspn(text, " ");
    }
}
