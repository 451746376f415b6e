#include "ranker/embedding.h"

#include "ranker/check.h"
#include "ranker/exact.h"

enum { COMPONENT_MAX = 127 };

static double magnitude(double x)
{
    return x < 0 ? -x : x;
}

/* The nearest integer, ties to even, of |x| < 2^51. */
static double round_even(double x)
{
    const double magic = 0x1.8p52; /* its last bit is worth 1 */
    return (x + magic) - magic;
}

static double largest_of(const float *values, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        double size = magnitude((double)values[i]);
        largest = size > largest ? size : largest;
    }
    return largest;
}

struct embedding embedding_of(const float *values, size_t count)
{
    CHECK(count <= LIMIT_VIDEO_EMBEDDING);
    struct embedding out = {.size = 0};
    double largest = largest_of(values, count);
    if (!(largest > 0)) {
        return out;
    }
    for (size_t i = 0; i < count; i++) {
        out.values[i] = (int8_t)round_even((double)values[i] / largest * COMPONENT_MAX);
    }
    out.size = (uint8_t)count;
    return out;
}

bool embedding_is_sound(const struct embedding *embedding)
{
    int largest = 0;
    for (size_t i = 0; i < LIMIT_VIDEO_EMBEDDING; i++) {
        int size = embedding->values[i] < 0 ? -embedding->values[i] : embedding->values[i];
        if (size > COMPONENT_MAX || (size > 0 && i >= embedding->size)) {
            return false;
        }
        largest = size > largest ? size : largest;
    }
    return embedding->size <= LIMIT_VIDEO_EMBEDDING &&
           largest == (embedding->size > 0 ? COMPONENT_MAX : 0);
}

double embedding_scale(const struct embedding *embedding)
{
    CHECK(embedding->size > 0);
    return exact_exp2(-0.5 * exact_log2(embedding_dot(embedding, embedding)));
}
