/* Poseidon2 over bytes for programs that cannot wait for a hash: the same function as causality-zk's, in
 * C for 64-bit machines. docs/adr/0015-deferred-hashing.md specifies it. To have a hash computed after
 * the run instead, which is much cheaper, see `causality_request_hash`.
 *
 *     uint8_t hash[32];
 *     poseidon2_hash("object", bytes, length, hash);
 */
#ifndef CAUSALITY_POSEIDON2_H
#define CAUSALITY_POSEIDON2_H

#include <stddef.h>
#include <stdint.h>

#include "poseidon2_constants.h"

#define POSEIDON2_PRIME 0x7f000001u

static inline uint64_t poseidon2_reduce(uint64_t x)
{
    return x % POSEIDON2_PRIME;
}

/* `(x + constant)^3`; both may be unreduced as long as their sum is a word. */
static inline uint64_t poseidon2_cube(uint64_t x, uint32_t constant)
{
    x = poseidon2_reduce(x + constant);
    return poseidon2_reduce(poseidon2_reduce(x * x) * x);
}

/* circ(2 M, M, M, M) with M = circ(2, 3, 1, 1). Sums are below 2^37 and stay unreduced. */
static inline void poseidon2_external(uint64_t s[16])
{
    uint64_t sum[4] = {0, 0, 0, 0};
    for (int i = 0; i < 16; i += 4) {
        uint64_t a = s[i], b = s[i + 1], c = s[i + 2], d = s[i + 3], all = a + b + c + d;
        s[i] = all + a + 2 * b;
        s[i + 1] = all + b + 2 * c;
        s[i + 2] = all + c + 2 * d;
        s[i + 3] = all + d + 2 * a;
        for (int k = 0; k < 4; k++)
            sum[k] += s[i + k];
    }
    for (int i = 0; i < 16; i++)
        s[i] += sum[i % 4];
}

static inline void poseidon2_full_rounds(uint64_t s[16], const uint32_t constants[4][16])
{
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 16; i++)
            s[i] = poseidon2_cube(s[i], constants[round][i]);
        poseidon2_external(s);
    }
}

static inline void poseidon2_partial_rounds(uint64_t s[16])
{
    for (int i = 0; i < 16; i++)
        s[i] = poseidon2_reduce(s[i]);
    for (int round = 0; round < 20; round++) {
        uint64_t sum = 0;
        s[0] = poseidon2_cube(s[0], poseidon2_partial[round]);
        for (int i = 0; i < 16; i++)
            sum += s[i];
        for (int i = 0; i < 16; i++)
            s[i] = poseidon2_reduce(sum + s[i] * poseidon2_diagonal[i]);
    }
}

/* The permutation; what comes out is below the prime. */
static inline void poseidon2_permute(uint64_t s[16])
{
    poseidon2_external(s);
    poseidon2_full_rounds(s, poseidon2_full);
    poseidon2_partial_rounds(s);
    poseidon2_full_rounds(s, poseidon2_full + 4);
    for (int i = 0; i < 16; i++)
        s[i] = poseidon2_reduce(s[i]);
}

static inline uint64_t poseidon2_three(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len && i < 3; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* Takes up to 24 bytes into the rate, zeros after them. */
static inline void poseidon2_block(uint64_t s[16], const uint8_t *bytes, size_t len)
{
    if (len >= 24) {
        for (int i = 0; i < 8; i++, bytes += 3)
            s[i] = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16;
        return;
    }
    for (size_t i = 0; i < 8; i++)
        s[i] = 3 * i < len ? poseidon2_three(bytes + 3 * i, len - 3 * i) : 0;
}

/* `domain` has one to twelve ASCII characters. */
static inline void poseidon2_hash(const char *domain, const void *input, size_t len, uint8_t hash[32])
{
    const uint8_t *bytes = (const uint8_t *)input;
    uint64_t s[16] = {0};
    size_t tag = 0;
    for (int i = 0; i < 3; i++)
        s[8 + i] = (uint64_t)len >> 24 * i & 0xffffff;
    s[11] = 1;
    for (; domain[tag] && tag < 12; tag++)
        s[12 + tag / 3] |= (uint64_t)(uint8_t)domain[tag] << 8 * (tag % 3);
    do {
        size_t taken = len < 24 ? len : 24;
        poseidon2_block(s, bytes, taken);
        poseidon2_permute(s);
        bytes += taken;
        len -= taken;
    } while (len);
    for (int i = 0; i < 32; i++)
        hash[i] = (uint8_t)(s[i / 4] >> 8 * (i % 4));
}

#endif
