/* Ordinary loads and stores at odd addresses, across word and page boundaries: they must work. */
#include "rt.h"

static char bytes[8192] __attribute__((aligned(4096)));

int main(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 8192; i++)
        bytes[i] = (char)(i * 37 + (i >> 8));
    for (int at = 4080; at < 4100; at++) {
        uint64_t d;
        int64_t w;
        uint64_t h;
        double f;
        char *p = bytes + at;
        __asm__ volatile("ld %0, 0(%1)" : "=r"(d) : "r"(p) : "memory");
        __asm__ volatile("lw %0, 1(%1)" : "=r"(w) : "r"(p) : "memory");
        __asm__ volatile("lhu %0, 3(%1)" : "=r"(h) : "r"(p) : "memory");
        __asm__ volatile("fld %0, 5(%1)" : "=f"(f) : "r"(p) : "memory");
        sum = sum * 31 + (d ^ (uint64_t)w ^ h << 32 ^ f64_bits(f));
        __asm__ volatile("sd %0, 0(%1)" : : "r"(sum), "r"(p) : "memory");
        __asm__ volatile("fsd %0, 9(%1)" : : "f"(f), "r"(p) : "memory");
        __asm__ volatile("sh %0, 1(%1)" : : "r"(sum), "r"(p) : "memory");
    }
    print_hex(checksum_bytes(CHECKSUM_START, bytes, sizeof bytes), 8);
    print_char('\n');
    return 0;
}
