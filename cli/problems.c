#include "cli/problems.h"

#include "cli/column.h"

void problems_print(FILE *file, const char *name, const struct weights_problems *problems)
{
    for (unsigned i = 0; i < problems->count; i++) {
        const struct weights_problem *problem = &problems->items[i];
        fprintf(file, "%s:%u:%u: ", name, problem->line, problem->column);
        column_print_all(file, problem->path);
        fputs(problem->path[0] != '\0' ? ": " : "", file);
        column_print_all(file, problem->message);
        fputc('\n', file);
    }
    if (problems->count == WEIGHTS_PROBLEMS_MAX) {
        fprintf(file, "%s: there may be more; only the first %d are listed\n", name,
                WEIGHTS_PROBLEMS_MAX);
    }
}

enum status problems_refuse(const char *name, const struct weights_problems *problems,
                            struct problem *problem)
{
    problems_print(stderr, name, problems);
    problem_set(problem, "%.200s has %u problem%s", name, problems->count,
                problems->count == 1 ? "" : "s");
    return STATUS_INVALID;
}
