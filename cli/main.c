#include <signal.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/help.h"
#include "ranker/check.h"
#include "server/service.h"

static enum exit_code refuse_usage(const struct command *command, const struct problem *problem)
{
    (void)command_fail(command->name, STATUS_INVALID, problem);
    fprintf(stderr, "\"reelrank help %s\" shows its options and examples.\n", command->name);
    return CODE_USAGE;
}

static enum status check_operands(const struct command *command, const struct operands *operands,
                                  struct problem *problem)
{
    if (operands->count < command->least_operands) {
        problem_set(problem, "%s is missing", command->operands);
        return STATUS_INVALID;
    }
    if (operands->count > command->most_operands) {
        problem_set(problem, "\"%.80s\" is one word too many",
                    operands->items[command->most_operands]);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum exit_code run_command(const struct command *command, int argc, char **argv)
{
    alignas(max_align_t) char values[COMMAND_VALUES_SIZE] = {0};
    CHECK(command->values_size <= sizeof(values));
    struct operands operands;
    struct problem problem = {""};
    enum status status = arguments_parse(command->arguments, command->argument_count, argc, argv,
                                         values, &operands, &problem);
    if (status == STATUS_OK && operands.help) {
        help_print_command(stdout, command);
        return CODE_OK;
    }
    if (status == STATUS_OK) {
        status = check_operands(command, &operands, &problem);
    }
    if (status != STATUS_OK) {
        return refuse_usage(command, &problem);
    }
    return command->run(values, &operands);
}

/* "reelrank replay" and "reelrank replay --help" tell of the commands of that name. */
static enum exit_code dispatch_group(int argc, char **argv)
{
    bool help = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    if ((argc == 2 || help) && help_print_group(help ? stdout : stderr, argv[1])) {
        return help ? CODE_OK : CODE_USAGE;
    }
    return command_unknown(argv + 1, (size_t)argc - 1);
}

static enum exit_code dispatch(int argc, char **argv)
{
    if (argc < 2) {
        help_print(stderr);
        return CODE_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("reelrank %s\n", SERVICE_BUILD_VERSION);
        return CODE_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_print(stdout);
        return CODE_OK;
    }
    size_t used;
    const struct command *command = command_find(argv + 1, (size_t)argc - 1, &used);
    if (command == NULL) {
        return dispatch_group(argc, argv);
    }
    return run_command(command, argc - 1 - (int)used, argv + 1 + used);
}

int main(int argc, char **argv)
{
    /* At a limit of the size of files a write fails, and is told of like one on a full disk. */
    (void)signal(SIGXFSZ, SIG_IGN);
    column_init();
    enum exit_code code = dispatch(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        perror("reelrank: cannot write the output");
        return CODE_FAILED;
    }
    return (int)code;
}
