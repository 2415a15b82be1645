/* Compresses generated data at several levels, decompresses it, and prints sizes and checksums: the
 * compressed bytes must be equal on every machine. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zstd.h"

enum { LEN = 600000 };

static uint64_t seed;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void fill_text(uint8_t *data)
{
    char words[256][12];
    for (int i = 0; i < 256; i++)
        for (int j = 0; j < 12; j++)
            words[i][j] = (char)('a' + random64() % 26);
    for (size_t at = 0; at < LEN;) {
        uint64_t r = random64();
        size_t len = 2 + (r >> 40) % 10, word = r & (r >> 8) & 255;
        for (size_t j = 0; j < len && at < LEN; j++)
            data[at++] = (uint8_t)words[word][j];
        if (at < LEN)
            data[at++] = (r >> 50) % 12 ? ' ' : '\n';
    }
}

static void fill_records(uint8_t *data)
{
    for (size_t at = 0; at + 16 <= LEN; at += 16) {
        uint64_t number = at / 16, noise = random64() & 0xfff;
        memcpy(data + at, &number, 8);
        memcpy(data + at + 8, &noise, 8);
    }
}

static void fill_noise(uint8_t *data)
{
    for (size_t at = 0; at < LEN; at++)
        data[at] = (uint8_t)random64();
}

static void fill_zero(uint8_t *data) { memset(data, 0, LEN); }

static uint64_t checksum(const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ from[i]) * 1099511628211u;
    return sum;
}

/* Streams `packed` through small buffers and compares with `data`. */
static int streams_back(const uint8_t *packed, size_t packed_len, const uint8_t *data)
{
    static uint8_t block[7001];
    ZSTD_DStream *stream = ZSTD_createDStream();
    size_t done = 0, status = 1;
    ZSTD_inBuffer in = {packed, 0, 0};
    while (status != 0) {
        if (in.pos == in.size && in.size < packed_len)
            in.size = in.size + 3001 < packed_len ? in.size + 3001 : packed_len;
        ZSTD_outBuffer out = {block, sizeof block, 0};
        status = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(status) || done + out.pos > LEN || memcmp(block, data + done, out.pos) != 0)
            break;
        done += out.pos;
    }
    ZSTD_freeDStream(stream);
    return status == 0 && done == LEN;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fill)(uint8_t *);
    } inputs[] = {{"text", fill_text}, {"records", fill_records}, {"noise", fill_noise}, {"zero", fill_zero}};
    static const int levels[] = {-5, 1, 3, 9, 16, 19};
    size_t room = ZSTD_compressBound(LEN);
    uint8_t *data = calloc(1, LEN), *packed = malloc(room), *back = malloc(LEN);
    int wrong = 0;
    for (size_t i = 0; i < 4; i++) {
        seed = 88172645463325252u + i;
        inputs[i].fill(data);
        printf("%s %016llx\n", inputs[i].name, (unsigned long long)checksum(data, LEN));
        for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
            if (levels[l] > 9 && i != 0)
                continue;
            size_t len = ZSTD_compress(packed, room, data, LEN, levels[l]);
            size_t got = ZSTD_isError(len) ? 0 : ZSTD_decompress(back, LEN, packed, len);
            int same = got == LEN && memcmp(back, data, LEN) == 0 && streams_back(packed, len, data);
            printf("  level %d: %zu bytes, %016llx, %s\n", levels[l], len, (unsigned long long)checksum(packed, len),
                   same ? "same" : "DIFFERENT");
            wrong |= !same;
        }
    }
    printf("corrupted: %s\n", ZSTD_getErrorName(ZSTD_decompress(back, LEN, data, 100)));
    printf("zstd %s\n", ZSTD_versionString());
    free(data);
    free(packed);
    free(back);
    return wrong;
}
