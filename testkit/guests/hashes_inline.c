/* Hashes objects with Poseidon2 by itself. Its twin `hashes_deferred` leaves that to the host. */
#include "../../zk/include/poseidon2.h"
#include "hashes.h"

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    uint8_t hash[32];
    for (uint32_t round = 0; round < rounds; round++) {
        make_object(round);
        poseidon2_hash("object", object, sizeof object, hash);
        sum = checksum_bytes(sum, hash, sizeof hash);
    }
    return sum;
}

COMPUTE_MAIN("hashes_inline", 30)
