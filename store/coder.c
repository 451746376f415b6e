#include "store/coder.h"

#include "ranker/hash.h"

size_t seal_row(uint8_t *row, uint8_t version, const uint8_t *end)
{
    size_t size = (size_t)(end - row);
    row[0] = version;
    uint64_t sum = XXH3_64bits_withSeed(row + CODER_HEADER_SIZE, size - CODER_HEADER_SIZE, version);
    put_fixed(row + 1, sum, 4);
    return size;
}

struct bytes open_row(const uint8_t *row, size_t size, uint8_t version)
{
    struct bytes bytes = {.at = row, .end = row + size};
    if (size < CODER_HEADER_SIZE || row[0] != version) {
        return (struct bytes){.bad = true};
    }
    bytes.at++;
    uint64_t sum = get_fixed(&bytes, 4);
    expect(&bytes, sum == (uint32_t)XXH3_64bits_withSeed(row + CODER_HEADER_SIZE,
                                                         size - CODER_HEADER_SIZE, version));
    return bytes;
}
