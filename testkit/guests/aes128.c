/* Table look-ups and byte shuffles: AES-128 (FIPS 197), checked on the standard's own example. */
#include "rt.h"

static uint8_t sbox[256], inverse[256];

static uint8_t twice(uint8_t x) { return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b); }

static uint8_t times(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (; b; b >>= 1, a = twice(a))
        if (b & 1)
            product ^= a;
    return product;
}

static uint8_t rotl8(uint8_t x, int n) { return (uint8_t)(x << n | x >> (8 - n)); }

static void make_sbox(void)
{
    uint8_t p = 1, q = 1; /* p runs through the powers of 3, q through their inverses */
    do {
        p ^= twice(p);
        q = times(q, 0xf6);
        uint8_t s = (uint8_t)(q ^ rotl8(q, 1) ^ rotl8(q, 2) ^ rotl8(q, 3) ^ rotl8(q, 4) ^ 0x63);
        sbox[p] = s;
        inverse[s] = p;
    } while (p != 1);
    sbox[0] = 0x63;
    inverse[0x63] = 0;
}

static void expand_key(const uint8_t key[16], uint8_t keys[176])
{
    uint8_t round_constant = 1;
    memcpy(keys, key, 16);
    for (int i = 16; i < 176; i += 4) {
        uint8_t t[4];
        memcpy(t, keys + i - 4, 4);
        if (i % 16 == 0) {
            uint8_t first = t[0];
            for (int j = 0; j < 4; j++)
                t[j] = sbox[j < 3 ? t[j + 1] : first];
            t[0] ^= round_constant;
            round_constant = twice(round_constant);
        }
        for (int j = 0; j < 4; j++)
            keys[i + j] = keys[i + j - 16] ^ t[j];
    }
}

static void add_key(uint8_t s[16], const uint8_t *key)
{
    for (int i = 0; i < 16; i++)
        s[i] ^= key[i];
}

static void encrypt(uint8_t s[16], const uint8_t keys[176])
{
    add_key(s, keys);
    for (int round = 1; round <= 10; round++) {
        uint8_t t[16];
        for (int i = 0; i < 16; i++)
            t[i] = sbox[s[(i + i % 4 * 4) & 15]];
        if (round == 10) {
            memcpy(s, t, 16);
        } else {
            for (int i = 0; i < 16; i++) {
                const uint8_t *column = t + (i & 12);
                uint8_t a = column[i & 3], b = column[(i + 1) & 3], c = column[(i + 2) & 3], d = column[(i + 3) & 3];
                s[i] = (uint8_t)(twice(a) ^ twice(b) ^ b ^ c ^ d);
            }
        }
        add_key(s, keys + 16 * round);
    }
}

static void decrypt(uint8_t s[16], const uint8_t keys[176])
{
    for (int round = 10; round > 0; round--) {
        uint8_t t[16];
        add_key(s, keys + 16 * round);
        if (round == 10) {
            memcpy(t, s, 16);
        } else {
            for (int i = 0; i < 16; i++) {
                const uint8_t *column = s + (i & 12);
                t[i] = times(column[i & 3], 14) ^ times(column[(i + 1) & 3], 11) ^ times(column[(i + 2) & 3], 13) ^
                       times(column[(i + 3) & 3], 9);
            }
        }
        for (int i = 0; i < 16; i++)
            s[(i + i % 4 * 4) & 15] = inverse[t[i]];
    }
    add_key(s, keys);
}

static void print_block(const uint8_t block[16])
{
    for (int i = 0; i < 16; i++)
        print_hex(block[i], 2);
    print_char('\n');
}

uint32_t run(uint32_t rounds)
{
    uint8_t key[16], block[16], keys[176];
    uint32_t sum = CHECKSUM_START;
    make_sbox();
    for (int i = 0; i < 16; i++) {
        key[i] = (uint8_t)i;
        block[i] = (uint8_t)(i * 0x11);
    }
    expand_key(key, keys);
    encrypt(block, keys);
    print_block(block);
    decrypt(block, keys);
    print_block(block);
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 200; i++)
            encrypt(block, keys);
        sum = checksum_bytes(sum, block, 16);
        decrypt(block, keys);
        sum = checksum_bytes(sum, block, 16);
        expand_key(block, keys);
    }
    return sum;
}

COMPUTE_MAIN("aes128", 2)
