#include "cli/help.h"

#include <stdbool.h>
#include <string.h>

#include "cli/manual.h"
#include "server/options.h"

enum { OPTION_WIDTH = 28, LINE_WIDTH = 90, NAME_WIDTH = 21 };

static void print_summary(FILE *file, const struct command *command)
{
    fprintf(file, "  %-*s %s\n", NAME_WIDTH, command->name, command->summary);
}

bool help_print_group(FILE *file, const char *word)
{
    bool found = false;
    for (size_t i = 0; i < command_count; i++) {
        if (command_second(commands[i], word) != NULL) {
            if (!found) {
                fprintf(file, "usage: reelrank %s COMMAND [OPTION]...\n\ncommands:\n", word);
            }
            print_summary(file, commands[i]);
            found = true;
        }
    }
    if (found) {
        fprintf(file, "\n\"reelrank help %s COMMAND\" tells of one.\n", word);
    }
    return found;
}

static void print_exit_codes(FILE *file)
{
    fputs("\nexit codes:\n", file);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        fprintf(file, "  %zu  ", i);
        for (const char *c = exit_code_meanings[i]; *c != '\0'; c++) {
            fputs(*c == '\n' && c[1] != '\0' ? "\n     " : (char[]){*c, '\0'}, file);
        }
    }
}

void help_print(FILE *file)
{
    fputs("usage: reelrank COMMAND [OPTION]...\n\n"
          "Ranks short videos for a user, within what the locale's policy allows.\n\n"
          "commands:\n",
          file);
    for (size_t i = 0; i < command_count; i++) {
        print_summary(file, commands[i]);
    }
    fputs("\n\"reelrank help COMMAND\" tells of one; \"reelrank --version\" which build this is.\n",
          file);
    print_exit_codes(file);
    fputs("\na first try:\n"
          "  reelrank import --data /tmp/reels --format jsonl catalogue.jsonl\n"
          "  reelrank rank --data /tmp/reels --user u1 --locale hi-IN --candidates ids.txt\n",
          file);
}

static void print_argument(FILE *file, const struct argument *argument)
{
    char name[ARGUMENT_NAME_SIZE];
    argument_typed(argument, name);
    char head[64];
    snprintf(head, sizeof(head), "--%s%s%s", name, argument->value_name != NULL ? " " : "",
             argument->value_name != NULL ? argument->value_name : "");
    fprintf(file, "  %-*s", OPTION_WIDTH - 2, head);
    if (strlen(head) >= OPTION_WIDTH - 2) {
        fprintf(file, "\n%*s", OPTION_WIDTH, "");
    }
    char notes[ARGUMENT_NOTES_SIZE];
    argument_notes(argument, notes);
    fputs(argument->help, file);
    if (notes[0] != '\0' && OPTION_WIDTH + strlen(argument->help) + strlen(notes) > LINE_WIDTH) {
        fprintf(file, "\n%*s", OPTION_WIDTH - 1, "");
    }
    fprintf(file, "%s\n", notes);
}

void help_print_command(FILE *file, const struct command *command)
{
    const char *gap = command->operands[0] != '\0' ? " " : "";
    fprintf(file, "usage: reelrank %s [OPTION]...%s%s\n\n%s", command->name, gap, command->operands,
            command->description);
    fputs("\noptions:\n", file);
    for (size_t i = 0; i < command->argument_count; i++) {
        print_argument(file, &command->arguments[i]);
    }
    fprintf(file, "  %-*s%s\n", OPTION_WIDTH - 2, "--help", "this text");
    fprintf(file, "\nexamples:\n%s", command->examples);
}

/* A case for each option that takes one of a list. */
static void print_choices(FILE *file, const struct command *command)
{
    for (size_t i = 0; i < command->argument_count; i++) {
        const struct argument *argument = &command->arguments[i];
        if (argument->kind != ARGUMENT_CHOICE) {
            continue;
        }
        char name[ARGUMENT_NAME_SIZE];
        argument_typed(argument, name);
        fprintf(file, "        '%s--%s') words='", command->name, name);
        for (size_t j = 0; argument->choices[j] != NULL; j++) {
            fprintf(file, "%s%s", j > 0 ? " " : "", argument->choices[j]);
        }
        fputs("' ;;\n", file);
    }
}

static void print_option_names(FILE *file, const struct command *command)
{
    for (size_t i = 0; i < command->argument_count; i++) {
        char name[ARGUMENT_NAME_SIZE];
        argument_typed(&command->arguments[i], name);
        fprintf(file, " --%s", name);
    }
}

static void print_options(FILE *file, const struct command *command)
{
    fprintf(file, "        '%s'*) words='--help", command->name);
    print_option_names(file, command);
    fputs("' ;;\n", file);
}

static bool is_named(const struct command *command, const char *word)
{
    return strcmp(command->name, word) == 0;
}

static void first_word(const struct command *command, char out[NAME_WIDTH + 1])
{
    size_t size = strcspn(command->name, " ");
    snprintf(out, NAME_WIDTH + 1, "%.*s", (int)size, command->name);
}

/* Whether a command before it begins with the same word, or, of a group, is in the group. */
static bool is_repeated(size_t index, bool of_group)
{
    char word[NAME_WIDTH + 1];
    first_word(commands[index], word);
    for (size_t i = 0; i < index; i++) {
        bool is_in = command_second(commands[i], word) != NULL;
        if (is_in || (!of_group && is_named(commands[i], word))) {
            return true;
        }
    }
    return false;
}

static void print_first_words(FILE *file)
{
    for (size_t i = 0; i < command_count; i++) {
        if (!is_repeated(i, false)) {
            fprintf(file, " %.*s", (int)strcspn(commands[i]->name, " "), commands[i]->name);
        }
    }
}

/* What may follow the word: second words, and options where the word is a command by itself. */
static void print_group(FILE *file, const char *word)
{
    fprintf(file, "    %s) name=\"%s ${COMP_WORDS[2]}\"; second='--help", word, word);
    for (size_t i = 0; i < command_count; i++) {
        const char *second = command_second(commands[i], word);
        if (second != NULL) {
            fprintf(file, " %s", second);
        } else if (is_named(commands[i], word)) {
            print_option_names(file, commands[i]);
        }
    }
    fputs("' ;;\n", file);
}

/* For each word that begins several commands, the words that may follow it. */
static void print_groups(FILE *file)
{
    for (size_t i = 0; i < command_count; i++) {
        char word[NAME_WIDTH + 1];
        if (strchr(commands[i]->name, ' ') != NULL && !is_repeated(i, true)) {
            first_word(commands[i], word);
            print_group(file, word);
        }
    }
}

/* Those of two words first: what fits a command of one word fits those that begin with it. */
static void print_all_options(FILE *file)
{
    for (size_t i = 0; i < 2 * command_count; i++) {
        const struct command *command = commands[i % command_count];
        bool two_words = strchr(command->name, ' ') != NULL;
        if (two_words == (i < command_count)) {
            print_options(file, command);
        }
    }
}

/*
 * A bash function that offers commands, then the options of the command, then the choices of the
 * option or files.
 */
static void print_completion(FILE *file)
{
    fputs("# bash completion of reelrank:  source <(reelrank help --completion bash)\n"
          "_reelrank() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local words='--help' name=${COMP_WORDS[1]} second=''\n"
          "    case $name in\n",
          file);
    print_groups(file);
    fputs("    esac\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        words='--help --version",
          file);
    print_first_words(file);
    fputs("'\n    elif [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$second\" ]; then\n"
          "        words=$second\n"
          "    else\n        case $name$before in\n",
          file);
    for (size_t i = 0; i < command_count; i++) {
        print_choices(file, commands[i]);
    }
    print_all_options(file);
    fputs("        esac\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "}\n"
          "complete -o default -F _reelrank reelrank\n",
          file);
}

struct help_values {
    const char *completion;
    const char *manual;
    bool example_config;
};

static const char *const shells[] = {"bash", NULL};

static const struct argument help_arguments[] = {
    {.name = "completion",
     .value_name = "SHELL",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct help_values, completion),
     .choices = shells,
     .help = "print a script that completes commands and options: bash"},
    {.name = "manual",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct help_values, manual),
     .help = "write the manual pages there, such as reelrank.1 and reelrank.conf.5"},
    {.name = "example_config",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct help_values, example_config),
     .help = "print a file for serve --config with every option"},
};

static enum exit_code write_manual(const char *directory)
{
    struct problem problem = {""};
    enum status status = manual_write(directory, &problem);
    return status == STATUS_OK ? CODE_OK : command_fail("help", status, &problem);
}

static enum exit_code help_run(const void *values, const struct operands *operands)
{
    const struct help_values *help = values;
    if (help->completion != NULL) {
        print_completion(stdout);
        return CODE_OK;
    }
    if (help->manual != NULL) {
        return write_manual(help->manual);
    }
    if (help->example_config) {
        options_print_example(stdout);
        return CODE_OK;
    }
    if (operands->count == 0) {
        help_print(stdout);
        return CODE_OK;
    }
    size_t used;
    const struct command *command = command_find(operands->items, operands->count, &used);
    if (command == NULL && operands->count == 1 && help_print_group(stdout, operands->items[0])) {
        return CODE_OK;
    }
    if (command == NULL) {
        return command_unknown(operands->items, operands->count);
    }
    help_print_command(stdout, command);
    return CODE_OK;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .most_operands = 2,
    .summary = "tell of the commands, or of one",
    .description =
        "Prints the commands and exit codes, or all about one command; or what a package\n"
        "needs that installs reelrank.\n",
    .examples = "  reelrank help rank\n"
                "  source <(reelrank help --completion bash)\n"
                "  reelrank help --manual /tmp/pages && man -l /tmp/pages/reelrank-serve.1\n"
                "  reelrank help --example-config > reelrank.conf\n",
    COMMAND_ARGUMENTS(help_arguments),
    .values_size = sizeof(struct help_values),
    .run = help_run,
};
