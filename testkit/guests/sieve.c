/* Byte stores with a stride: the primes below 64 Ki. */
#include "rt.h"

enum { LIMIT = 1 << 16 };
static uint8_t composite[LIMIT];

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t count = 0, last = 0;
        memset(composite, 0, sizeof composite);
        for (uint32_t i = 2; i < LIMIT; i++) {
            if (composite[i])
                continue;
            count++;
            last = i;
            for (uint32_t j = i * 2; j < LIMIT; j += i)
                composite[j] = 1;
        }
        sum = checksum_u32(checksum_u32(sum, count), last);
    }
    return sum;
}

COMPUTE_MAIN("sieve", 3)
