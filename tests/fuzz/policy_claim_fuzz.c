#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/policy_proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read has a subject and an operator, and a proof without cases proves it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct policy_proof empty;
    struct text text = {.data = (const char *)data, .size = size};
    struct policy_claim claim;
    struct policy_case example;
    struct problem problem = {""};
    if (policy_claim_parse(text, size > 0 ? data[0] % (size + 1) : 0, &claim, &problem) ==
        STATUS_OK) {
        CHECK(claim.subject < POLICY_SUBJECT_COUNT);
        CHECK(claim.operator_ < POLICY_OPERATOR_COUNT);
        CHECK(policy_claim_proven(&claim, &empty, &example));
    } else {
        CHECK(strncmp(problem.text, "column ", 7) == 0);
    }
    return 0;
}
