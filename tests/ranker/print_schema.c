#include <stdio.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/weights.h"

/* Renews the published schema: bazel run //tests/ranker:print_schema > config/weights.schema.json
 */
int main(void)
{
    size_t size = weights_schema(NULL, 0) + 1;
    char *text = malloc(size);
    CHECK(text != NULL);
    weights_schema(text, size);
    fputs(text, stdout);
    free(text);
    return 0;
}
