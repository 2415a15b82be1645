/* Copies, moves, fills and compares of every small size and alignment, overlapping both ways. */
#include "rt.h"

enum { SIZE = 1024 };
static uint8_t a[SIZE], b[SIZE];

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    uint64_t seed = 17;
    for (int i = 0; i < SIZE; i++)
        a[i] = (uint8_t)random_u64(&seed);
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 200; i++) {
            uint64_t r = random_u64(&seed);
            size_t from = r & 255, to = r >> 8 & 255, len = r >> 16 & 511;
            switch (r >> 32 & 3) {
            case 0: memcpy(b + to, a + from, len); break;
            case 1: memmove(b + to, b + from, len); break;
            case 2: memset(b + to, (int)(r >> 40), len / 4); break;
            default: memmove(a + to, a + from, len); break;
            }
            int order = memcmp(a + from, b + from, len);
            sum = checksum_u32(sum, (uint32_t)(order < 0 ? 1 : order > 0 ? 2 : 0));
        }
        sum = checksum_bytes(checksum_bytes(sum, a, SIZE), b, SIZE);
    }
    return sum;
}

COMPUTE_MAIN("memops", 12)
