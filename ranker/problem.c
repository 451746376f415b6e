#include "ranker/problem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void problem_set(struct problem *problem, const char *format, ...)
{
    if (problem == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
}
