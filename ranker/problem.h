#ifndef RANKER_PROBLEM_H
#define RANKER_PROBLEM_H

/*
 * What a caller is told about a failure: one English sentence that names the field, what was found
 * and what is allowed. Goes beside an enum status, which says what kind of failure it is.
 */
struct problem {
    char text[320];
};

/* Overwrites *problem; what does not fit is cut. NULL problem is allowed. */
__attribute__((format(printf, 2, 3))) void problem_set(struct problem *problem, const char *format,
                                                       ...);

#endif
