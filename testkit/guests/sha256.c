/* 32-bit rotates and adds: SHA-256 (FIPS 180-4), over the known message "abc" and over a long one. */
#include "rt.h"

/* The round constants are the fractional parts of cube roots of primes; they are computed, not listed. */
static uint32_t constants[64], initial[8];

/* floor(2^32 * frac(root)) of p, where root is the square (k = 2) or cube (k = 3) root: the largest r with
 * r^k <= p * 2^(32 k), found bit by bit in 128-bit arithmetic of 32-bit limbs. */
static int power_fits(uint64_t r, int k, uint32_t p)
{
    /* r < 2^36, so r^3 < 2^108 and fits four limbs. */
    uint32_t limbs[5] = {1, 0, 0, 0, 0};
    for (int i = 0; i < k; i++) {
        uint32_t next[5] = {0, 0, 0, 0, 0};
        for (int half = 0; half < 2; half++) {
            uint64_t factor = half ? r >> 32 : (uint32_t)r, carry = 0;
            for (int j = 0; j + half < 5; j++) {
                uint64_t t = next[j + half] + limbs[j] * factor + carry;
                next[j + half] = (uint32_t)t;
                carry = t >> 32;
            }
        }
        memcpy(limbs, next, sizeof limbs);
    }
    for (int i = 4; i > k; i--)
        if (limbs[i])
            return 0;
    return limbs[k] < p; /* equality would need a perfect power, and p is prime */
}

static uint32_t root_fraction(uint32_t p, int k)
{
    uint64_t r = 0;
    for (int bit = 36; bit >= 0; bit--)
        if (power_fits(r | 1ull << bit, k, p))
            r |= 1ull << bit;
    return (uint32_t)r;
}

static int is_prime(uint32_t n)
{
    for (uint32_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return 1;
}

static void make_constants(void)
{
    int found = 0;
    for (uint32_t p = 2; found < 64; p++) {
        if (!is_prime(p))
            continue;
        if (found < 8)
            initial[found] = root_fraction(p, 2);
        constants[found++] = root_fraction(p, 3);
    }
}

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void absorb(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + w[i - 7] + (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
    }
    uint32_t s[8];
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t t1 = s[7] + (rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25)) + choice + constants[i] + w[i];
        uint32_t t2 = (rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22)) + majority;
        for (int j = 7; j > 0; j--)
            s[j] = s[j - 1];
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

static void sha256(const uint8_t *message, size_t len, uint32_t digest[8])
{
    uint8_t tail[128];
    size_t whole = len / 64 * 64, left = len - whole;
    size_t tail_len = left < 56 ? 64 : 128;
    memcpy(digest, initial, sizeof initial);
    for (size_t at = 0; at < whole; at += 64)
        absorb(digest, message + at);
    memset(tail, 0, sizeof tail);
    memcpy(tail, message + whole, left);
    tail[left] = 0x80;
    for (int i = 0; i < 8; i++)
        tail[tail_len - 1 - (size_t)i] = (uint8_t)((uint64_t)len * 8 >> 8 * i);
    for (size_t at = 0; at < tail_len; at += 64)
        absorb(digest, tail + at);
}

static void print_digest(const uint32_t digest[8])
{
    for (int i = 0; i < 8; i++)
        print_hex(digest[i], 8);
    print_char('\n');
}

uint32_t run(uint32_t rounds)
{
    static uint8_t message[4096];
    uint32_t digest[8], sum = CHECKSUM_START;
    make_constants();
    sha256((const uint8_t *)"abc", 3, digest);
    print_digest(digest);
    for (uint32_t round = 0; round < rounds; round++) {
        sha256(message, sizeof message, digest);
        for (int i = 0; i < 8; i++)
            sum = checksum_u32(sum, digest[i]);
        memcpy(message + round % 100 * 32, digest, sizeof digest);
    }
    print_digest(digest);
    return sum;
}

COMPUTE_MAIN("sha256", 8)
