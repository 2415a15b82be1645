/* Hash chains, unaligned copies, variable-length numbers: a small LZ77 compressor and its inverse. */
#include "rt.h"

enum { LEN = 8192, HASH_BITS = 11, MIN_MATCH = 4, WINDOW = 4096 };
static uint8_t plain[LEN], packed[2 * LEN], back[LEN + 64];
static int32_t heads[1 << HASH_BITS];

/* Text with repeats: words drawn from a small pseudo-random vocabulary. */
static void fill(uint64_t seed)
{
    uint8_t words[64][9];
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 9; j++)
            words[i][j] = (uint8_t)('a' + random_u64(&seed) % 26);
    for (int at = 0; at < LEN;) {
        uint64_t r = random_u64(&seed);
        int word = (int)((r >> 20 & 63) & (r >> 30 & 63)), len = 2 + (int)(r >> 50) % 8;
        for (int j = 0; j < len && at < LEN; j++)
            plain[at++] = words[word][j];
        if (at < LEN)
            plain[at++] = ' ';
    }
}

static uint32_t hash(const uint8_t *p)
{
    uint32_t x = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return x * 2654435761u >> (32 - HASH_BITS);
}

static uint8_t *put_number(uint8_t *to, uint32_t n)
{
    for (; n >= 128; n >>= 7)
        *to++ = (uint8_t)(n | 128);
    *to++ = (uint8_t)n;
    return to;
}

static const uint8_t *get_number(const uint8_t *from, uint32_t *n)
{
    *n = 0;
    for (int shift = 0;; shift += 7) {
        *n |= (uint32_t)(*from & 127) << shift;
        if (*from++ < 128)
            return from;
    }
}

static uint8_t *put_literals(uint8_t *to, int from, int until)
{
    to = put_number(to, (uint32_t)(until - from));
    memcpy(to, plain + from, (size_t)(until - from));
    return to + (until - from);
}

/* The stream: literal count, literals, then match length and distance; a length of 0 ends it. */
static uint32_t pack(void)
{
    uint8_t *to = packed;
    int at = 0, literals = 0;
    memset(heads, 255, sizeof heads);
    while (at + MIN_MATCH <= LEN) {
        uint32_t h = hash(plain + at);
        int candidate = heads[h], len = 0;
        heads[h] = at;
        if (candidate >= 0 && at - candidate <= WINDOW)
            while (at + len < LEN && plain[candidate + len] == plain[at + len])
                len++;
        if (len < MIN_MATCH) {
            at++;
            continue;
        }
        to = put_literals(to, literals, at);
        to = put_number(to, (uint32_t)len);
        to = put_number(to, (uint32_t)(at - candidate));
        at += len;
        literals = at;
    }
    to = put_literals(to, literals, LEN);
    to = put_number(to, 0);
    return (uint32_t)(to - packed);
}

static uint32_t unpack(void)
{
    const uint8_t *from = packed;
    uint32_t at = 0, len, distance;
    for (;;) {
        from = get_number(from, &len);
        memcpy(back + at, from, len);
        from += len;
        at += len;
        from = get_number(from, &len);
        if (len == 0)
            return at;
        from = get_number(from, &distance);
        for (; len > 0; len--, at++)
            back[at] = back[at - distance];
    }
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    for (uint32_t round = 0; round < rounds; round++) {
        fill(round + 23);
        uint32_t len = pack();
        if (unpack() != LEN || memcmp(plain, back, LEN) != 0)
            return 0;
        sum = checksum_bytes(checksum_u32(sum, len), packed, len);
    }
    return sum;
}

COMPUTE_MAIN("lz", 5)
