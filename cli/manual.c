#include "cli/manual.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/output.h"
#include "server/options.h"
#include "server/service.h"
#include "store/files.h"

enum { NAME_SIZE = 64 };

/* One character as roff prints it: some mean a command to it, or typographers' quotes and dashes.
 */
static void print_character(FILE *file, char c)
{
    switch (c) {
    case '\\':
        fputs("\\e", file);
        break;
    case '-':
        fputs("\\-", file);
        break;
    case '"':
        fputs("\\(dq", file);
        break;
    case '\'':
        fputs("\\(aq", file);
        break;
    case '`':
        fputs("\\(ga", file);
        break;
    case '^':
        fputs("\\(ha", file);
        break;
    case '~':
        fputs("\\(ti", file);
        break;
    default:
        fputc(c, file);
    }
}

static void print_text(FILE *file, const char *text, size_t size)
{
    if (size > 0 && text[0] == '.') {
        fputs("\\&", file);
    }
    for (size_t i = 0; i < size; i++) {
        print_character(file, text[i]);
    }
}

static void print_string(FILE *file, const char *text)
{
    print_text(file, text, strlen(text));
}

/* Lines that are indented stay as they are; others flow together up to an empty one. */
static void print_lines(FILE *file, const char *lines)
{
    bool kept = false;
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        bool indented = lines[0] == ' ';
        if (indented != kept && size > 0) {
            fputs(indented ? ".PP\n.EX\n" : ".EE\n.PP\n", file);
            kept = indented;
        }
        if (size > 0) {
            print_text(file, lines, size);
            fputc('\n', file);
        } else if (!kept && lines[1] != ' ' && lines[1] != '\0') {
            fputs(".PP\n", file);
        }
        lines += size + (lines[size] == '\n' ? 1 : 0);
    }
    fputs(kept ? ".EE\n" : "", file);
}

/* "reelrank-replay-parity" for the command "replay parity". */
static void page_name(const struct command *command, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "reelrank-%s", command->name);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
}

/* No date: the same sources give the same bytes. */
static void print_title(FILE *file, const char *name, const char *section, const char *summary)
{
    fprintf(file, ".TH %s %s \"\" \"reelrank %s\" reelrank\n.SH NAME\n", name, section,
            SERVICE_BUILD_VERSION);
    print_string(file, name);
    fputs(" \\- ", file);
    print_string(file, summary);
    fputc('\n', file);
}

static void print_help(FILE *file, const struct argument *argument)
{
    char notes[ARGUMENT_NOTES_SIZE];
    argument_notes(argument, notes);
    print_string(file, argument->help);
    print_string(file, notes);
    fputc('\n', file);
}

static void print_option(FILE *file, const struct argument *argument)
{
    char name[ARGUMENT_NAME_SIZE];
    argument_typed(argument, name);
    fputs(".TP\n\\fB\\-\\-", file);
    print_string(file, name);
    fputs("\\fR", file);
    if (argument->value_name != NULL) {
        fputs(" \\fI", file);
        print_string(file, argument->value_name);
        fputs("\\fR", file);
    }
    fputc('\n', file);
    print_help(file, argument);
}

static void print_synopsis(FILE *file, const struct command *command)
{
    fputs(".SH SYNOPSIS\n.B reelrank ", file);
    print_string(file, command->name);
    fputs("\n[\\fIOPTION\\fR]...\n", file);
    print_string(file, command->operands);
    fputs(command->operands[0] != '\0' ? "\n" : "", file);
}

static void print_command(FILE *file, const struct command *command)
{
    char name[NAME_SIZE];
    page_name(command, name);
    print_title(file, name, "1", command->summary);
    print_synopsis(file, command);
    fputs(".SH DESCRIPTION\n", file);
    print_lines(file, command->description);
    fputs(".SH OPTIONS\n", file);
    for (size_t i = 0; i < command->argument_count; i++) {
        print_option(file, &command->arguments[i]);
    }
    fputs(".TP\n\\fB\\-\\-help\\fR\nprint a summary of this page\n.SH EXAMPLES\n", file);
    print_lines(file, command->examples);
    fputs(".SH SEE ALSO\n.BR reelrank (1)", file);
    fputs(command == &command_serve ? ",\n.BR reelrank.conf (5)\n" : "\n", file);
}

static void print_commands(FILE *file)
{
    fputs(".SH COMMANDS\nEach has a page of its own.\n", file);
    for (size_t i = 0; i < command_count; i++) {
        char name[NAME_SIZE];
        page_name(commands[i], name);
        fputs(".TP\n.BR ", file);
        print_string(file, name);
        fputs(" (1)\n", file);
        print_string(file, commands[i]->summary);
        fputc('\n', file);
    }
}

static void print_exit_codes(FILE *file)
{
    fputs(".SH EXIT STATUS\n", file);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        fprintf(file, ".TP\n.B %zu\n", i);
        print_lines(file, exit_code_meanings[i]);
    }
}

static void print_overview(FILE *file, const struct command *command)
{
    (void)command;
    print_title(file, "reelrank", "1", "rank short videos for a user, within a locale's policy");
    fputs(".SH SYNOPSIS\n.B reelrank\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.br\n"
          ".B reelrank help\n[\\fICOMMAND\\fR]\n.SH DESCRIPTION\n",
          file);
    print_lines(file,
                "A service over gRPC that stores users' watch signals, durably and exactly once, "
                "and orders\ncandidate videos for a user and a locale; and the tools for its data "
                "and its weights.\n");
    print_commands(file);
    fputs(".SH OPTIONS\n.TP\n\\fB\\-\\-help\\fR\nlist the commands\n"
          ".TP\n\\fB\\-\\-version\\fR\ntell which build this is\n",
          file);
    print_exit_codes(file);
    fputs(".SH SEE ALSO\n.BR reelrank\\-serve (1),\n.BR reelrank.conf (5)\n", file);
}

static void print_key(FILE *file, const struct argument *argument)
{
    char name[ARGUMENT_NAME_SIZE];
    argument_typed(argument, name);
    fputs(".TP\n.B ", file);
    print_string(file, name);
    fputc('\n', file);
    print_help(file, argument);
}

static void print_file_format(FILE *file, const struct command *command)
{
    print_title(file, "reelrank.conf", "5", "options of \"reelrank serve\"");
    fputs(".SH DESCRIPTION\n", file);
    print_lines(
        file, "What \"reelrank serve --config FILE\" reads: an option a line, NAME = VALUE, with "
              "the names\nthat the command line has. Blanks around both do not count. \"#\" begins "
              "a comment at the\nstart of a line or after a blank. No option may stand twice.\n\n"
              "The command line overrides the file. The file is read once, at the start; what is\n"
              "wrong in it ends the start with the file's name, the line and what is allowed.\n"
              "\"reelrank help --example-config\" prints a file with every option.\n");
    fputs(".SH OPTIONS\n", file);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        print_key(file, &command->arguments[i]);
    }
    fputs(".SH EXAMPLES\n", file);
    print_lines(file, "  # on this machine alone\n"
                      "  listen = 127.0.0.1:7070\n"
                      "  data = /var/lib/reelrank\n"
                      "  weights = /etc/reelrank/weights.yaml\n");
    fputs(".SH SEE ALSO\n.BR reelrank\\-serve (1)\n", file);
}

/* One file of the directory, made by print. */
static enum status write_page(const char *directory, const char *name, const char *section,
                              void (*print)(FILE *file, const struct command *command),
                              const struct command *command, struct problem *problem)
{
    char file_name[NAME_SIZE];
    char path[FILES_PATH_SIZE];
    FILE *file = NULL;
    snprintf(file_name, sizeof(file_name), "%s.%s", name, section);
    enum status status = files_join(directory, file_name, path, problem);
    if (status == STATUS_OK) {
        status = output_open("--manual", path, &file, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    print(file, command);
    return output_close("--manual", path, file, STATUS_OK, problem);
}

enum status manual_write(const char *directory, struct problem *problem)
{
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return files_failure("cannot make", directory, problem);
    }
    enum status status = write_page(directory, "reelrank", "1", print_overview, NULL, problem);
    if (status == STATUS_OK) {
        status =
            write_page(directory, "reelrank.conf", "5", print_file_format, &command_serve, problem);
    }
    for (size_t i = 0; i < command_count && status == STATUS_OK; i++) {
        char name[NAME_SIZE];
        page_name(commands[i], name);
        status = write_page(directory, name, "1", print_command, commands[i], problem);
    }
    return status;
}
