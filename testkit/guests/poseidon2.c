/* Poseidon2 as guests compute it: hashes of patterns of many lengths, and a chain of hashes. */
#include "../../zk/include/poseidon2.h"
#include "rt.h"

static const size_t lengths[] = {0, 1, 2, 3, 4, 22, 23, 24, 25, 47, 48, 49, 72, 191, 192, 193, 1000};

static void print_hashes(const char *domain)
{
    static uint8_t bytes[1000];
    uint8_t hash[32];
    for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
        for (size_t i = 0; i < lengths[n]; i++)
            bytes[i] = (uint8_t)(i * 151 + lengths[n] * 31 + 7);
        poseidon2_hash(domain, bytes, lengths[n], hash);
        for (int i = 0; i < 32; i++)
            print_hex(hash[i], 2);
        print_char('\n');
    }
}

uint32_t run(uint32_t rounds)
{
    uint8_t hash[32] = {0};
    print_hashes("object");
    print_hashes("twelve bytes");
    for (uint32_t round = 0; round < rounds; round++)
        poseidon2_hash("object", hash, sizeof hash, hash);
    return checksum_bytes(CHECKSUM_START, hash, sizeof hash);
}

COMPUTE_MAIN("poseidon2", 60)
