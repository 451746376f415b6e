#ifndef RANKER_SIEVE_H
#define RANKER_SIEVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVX2__)
#include <immintrin.h>
#else
#include <emmintrin.h>
#endif

/*
 * Which of many 32-bit keys may be in a set, many at a time and without a jump: two of 1,024 bits
 * for each key, with AVX2 alone two of 256. Keys are hashes, so of n in the set about
 * (2 n / 1,024)^2 of all others pass by mistake: one in 300 for 30. What passes is still to be
 * looked up.
 */
enum { SIEVE_WORDS = 32 };

struct sieve {
    uint32_t words[SIEVE_WORDS]; /* zeroed: the empty set */
};

static inline void sieve_add(struct sieve *sieve, uint32_t key)
{
    for (unsigned i = 0; i < 2; i++, key >>= 10) {
        sieve->words[key % SIEVE_WORDS] |= UINT32_C(1) << (key / SIEVE_WORDS % 32);
    }
}

/*
 * sieve_pass() tells which of count keys may be in the set, sieve_zeros() which are 0: a bit for
 * each, the first one's lowest. count: a multiple of 16, at most SIEVE_KEYS, and a constant where
 * it is to be quick.
 */
enum { SIEVE_KEYS = 64 };

#if defined(__AVX512F__)

/* The bit that ten bits of each key name, lowest: the word by the last five, its bit by the others.
 */
static inline __m512i sieve_bit(__m512i low, __m512i high, __m512i key)
{
    __m512i word = _mm512_permutex2var_epi32(low, key, high);
    return _mm512_rorv_epi32(word, _mm512_srli_epi32(key, 5));
}

static inline uint64_t sieve_pass(const struct sieve *sieve, const uint32_t *keys, size_t count)
{
    const __m512i low = _mm512_loadu_si512(sieve->words);
    const __m512i high = _mm512_loadu_si512(sieve->words + 16);
    uint64_t passed = 0;
    for (size_t i = 0; i < count; i += 16) {
        __m512i key = _mm512_loadu_si512(keys + i);
        __m512i both = _mm512_and_si512(sieve_bit(low, high, key),
                                        sieve_bit(low, high, _mm512_srli_epi32(key, 10)));
        passed |= (uint64_t)_mm512_test_epi32_mask(both, _mm512_set1_epi32(1)) << i;
    }
    return passed;
}

static inline uint64_t sieve_zeros(const uint32_t *keys, size_t count)
{
    uint64_t zeros = 0;
    for (size_t i = 0; i < count; i += 16) {
        __m512i key = _mm512_loadu_si512(keys + i);
        zeros |= (uint64_t)_mm512_testn_epi32_mask(key, key) << i;
    }
    return zeros;
}

#elif defined(__AVX2__)

/* A register holds eight words, so words that share their number's last three bits are one. */
static inline __m256i sieve_fold(const struct sieve *sieve)
{
    __m256i fold = _mm256_setzero_si256();
    for (unsigned i = 0; i < SIEVE_WORDS; i += 8) {
        fold = _mm256_or_si256(fold, _mm256_loadu_si256((const __m256i *)(sieve->words + i)));
    }
    return fold;
}

/* The bit that ten bits of each key name, lowest: the word by the last three, its bit by the upper
 * five. */
static inline __m256i sieve_bit(__m256i fold, __m256i key)
{
    __m256i word = _mm256_permutevar8x32_epi32(fold, key);
    return _mm256_srlv_epi32(word,
                             _mm256_and_si256(_mm256_srli_epi32(key, 5), _mm256_set1_epi32(31)));
}

static inline uint64_t sieve_pass(const struct sieve *sieve, const uint32_t *keys, size_t count)
{
    const __m256i fold = sieve_fold(sieve);
    uint64_t passed = 0;
    for (size_t i = 0; i < count; i += 8) {
        __m256i key = _mm256_loadu_si256((const __m256i *)(keys + i));
        __m256i both =
            _mm256_and_si256(sieve_bit(fold, key), sieve_bit(fold, _mm256_srli_epi32(key, 10)));
        __m256 sign = _mm256_castsi256_ps(_mm256_slli_epi32(both, 31));
        passed |= (uint64_t)(unsigned)_mm256_movemask_ps(sign) << i;
    }
    return passed;
}

static inline uint64_t sieve_zeros(const uint32_t *keys, size_t count)
{
    uint64_t zeros = 0;
    for (size_t i = 0; i < count; i += 8) {
        __m256i key = _mm256_loadu_si256((const __m256i *)(keys + i));
        __m256i is_zero = _mm256_cmpeq_epi32(key, _mm256_setzero_si256());
        zeros |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(is_zero)) << i;
    }
    return zeros;
}

#else

static inline uint64_t sieve_pass(const struct sieve *sieve, const uint32_t *keys, size_t count)
{
    uint64_t passed = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t upper = keys[i] >> 10;
        uint32_t a = sieve->words[keys[i] % SIEVE_WORDS] >> (keys[i] / SIEVE_WORDS % 32);
        uint32_t b = sieve->words[upper % SIEVE_WORDS] >> (upper / SIEVE_WORDS % 32);
        passed |= (uint64_t)(a & b & 1) << i;
    }
    return passed;
}

static inline uint64_t sieve_zeros(const uint32_t *keys, size_t count)
{
    uint64_t zeros = 0;
    for (size_t i = 0; i < count; i += 4) {
        __m128i key = _mm_loadu_si128((const __m128i *)(keys + i));
        __m128i is_zero = _mm_cmpeq_epi32(key, _mm_setzero_si128());
        zeros |= (uint64_t)(unsigned)_mm_movemask_ps(_mm_castsi128_ps(is_zero)) << i;
    }
    return zeros;
}

#endif

#endif
