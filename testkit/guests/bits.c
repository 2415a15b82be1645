/* The bit-manipulation idioms compilers know: rotate, count, select, insert, scale-and-add, byte reversal,
 * minimum and maximum, and the high halves of products. */
#include "rt.h"

static uint64_t rotl(uint64_t x, int n) { return x << (n & 63) | x >> (-n & 63); }
static uint32_t rotr32(uint32_t x, int n) { return x >> (n & 31) | x << (-n & 31); }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t high_product(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64) ^ (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
}

static uint64_t step(uint64_t x, uint64_t y)
{
    int n = (int)(y & 63);
    uint64_t table = (uint32_t)x * 8ull + y; /* sh3add.uw */
    x = rotl(x, n) ^ rotr32((uint32_t)y, n) ^ table;
    x += (uint64_t)__builtin_popcountll(y) << 7 | (uint64_t)__builtin_clzll(y | 1) << 14;
    x ^= (uint64_t)__builtin_ctzll(y | 1ull << 63) << 21 | (uint64_t)__builtin_popcount((uint32_t)x) << 28;
    x ^= 1ull << (y >> 8 & 63);              /* binv */
    x &= ~(1ull << (y >> 16 & 63));          /* bclr */
    x |= 1ull << (y >> 24 & 63);             /* bset */
    x += x >> (y >> 32 & 63) & 1;            /* bext */
    x = __builtin_bswap64(x) ^ (y & ~x);     /* rev8, andn */
    x += (uint64_t)(int64_t)(int8_t)y - (uint64_t)(int64_t)(int16_t)x;
    x ^= larger(x, y) + (uint64_t)smaller((int64_t)x, (int64_t)y);
    return x + high_product(x, y | 1) / (y % 1000 + 1) - (uint64_t)((int64_t)x / ((int32_t)y | 1));
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    uint64_t seed = 1234567, x = 1;
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 1000; i++)
            x = step(x, random_u64(&seed));
        sum = checksum_u64(sum, x);
    }
    return sum;
}

COMPUTE_MAIN("bits", 10)
