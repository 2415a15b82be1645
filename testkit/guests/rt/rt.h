/* The runtime of the freestanding guests: what they may rely on besides the compiler.
 *
 * One source, three homes, told apart by the compiler itself:
 *   freestanding  riscv64, -ffreestanding -nostdlib; rt.c and crt0.S are linked in
 *   hosted        plain `gcc -O2 guest.c -lm`; the bottom layer is libc
 *   wasm32        -ffreestanding; printing does nothing, `run` is exported and returns the checksum
 *
 * Everything a guest prints goes through one buffer, written when full and when the program ends.
 */
#ifndef RT_H
#define RT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#define RT_WASM 1
#elif __STDC_HOSTED__
#define RT_HOSTED 1
#else
#define RT_FREESTANDING 1
#endif

#ifdef RT_HOSTED
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
#endif

/* Printing, to standard output. */
void print_char(char c);
void print_bytes(const void *bytes, size_t len);
void print_str(const char *text);
void print_u64(uint64_t value);
void print_i64(int64_t value);
void print_hex(uint64_t value, int digits);
void print_f64_bits(double value);   /* 16 hex digits; any NaN prints as the canonical one off RISC-V */
void print_f32_bits(float value);
void print_flush(void);

/* Parses an unsigned decimal number; stops at the first other character. */
uint64_t parse_u64(const char *text);

/* A running 32-bit checksum (FNV-1a over the little-endian bytes of what is mixed in). */
#define CHECKSUM_START 0x811c9dc5u
uint32_t checksum_u32(uint32_t sum, uint32_t value);
uint32_t checksum_u64(uint32_t sum, uint64_t value);
uint32_t checksum_bytes(uint32_t sum, const void *bytes, size_t len);

/* A small pseudo-random generator (xorshift64*), for inputs that must be equal everywhere. */
uint64_t random_u64(uint64_t *state);

uint64_t f64_bits(double value);
uint32_t f32_bits(float value);
double f64_from_bits(uint64_t bits);
float f32_from_bits(uint32_t bits);

/* A guest that computes: defines `run`, which does `n` rounds of work and returns a checksum. */
#ifdef RT_WASM
#define EXPORTED __attribute__((export_name("run")))
#else
#define EXPORTED
#endif
EXPORTED uint32_t run(uint32_t rounds);

/* `main` for such a guest: argv[1] is the number of rounds. */
#ifdef RT_WASM
#define COMPUTE_MAIN(name, default_rounds)
#else
#define COMPUTE_MAIN(name, default_rounds)                                   \
    int main(int argc, char **argv)                                         \
    {                                                                        \
        uint32_t rounds = default_rounds;                                    \
        if (argc > 1)                                                        \
            rounds = (uint32_t)parse_u64(argv[1]);                           \
        uint32_t sum = run(rounds);                                          \
        print_str(name " rounds ");                                          \
        print_u64(rounds);                                                   \
        print_str(" checksum ");                                             \
        print_hex(sum, 8);                                                   \
        print_char('\n');                                                    \
        return 0;                                                            \
    }
#endif

#ifdef RT_FREESTANDING
/* Linux riscv64 calls, raw: the result is negative errno on failure. */
long syscall6(long number, long a0, long a1, long a2, long a3, long a4, long a5);
#define syscall0(n) syscall6((n), 0, 0, 0, 0, 0, 0)
#define syscall1(n, a) syscall6((n), (long)(a), 0, 0, 0, 0, 0)
#define syscall2(n, a, b) syscall6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define syscall3(n, a, b, c) syscall6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define syscall4(n, a, b, c, d) syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum {
    SYS_getcwd = 17,
    SYS_mkdirat = 34,
    SYS_unlinkat = 35,
    SYS_ftruncate = 46,
    SYS_openat = 56,
    SYS_close = 57,
    SYS_getdents64 = 61,
    SYS_lseek = 62,
    SYS_read = 63,
    SYS_write = 64,
    SYS_pread64 = 67,
    SYS_pwrite64 = 68,
    SYS_fstatat = 79,
    SYS_fstat = 80,
    SYS_exit = 93,
    SYS_exit_group = 94,
    SYS_nanosleep = 101,
    SYS_clock_gettime = 113,
    SYS_uname = 160,
    SYS_gettimeofday = 169,
    SYS_getpid = 172,
    SYS_brk = 214,
    SYS_munmap = 215,
    SYS_mmap = 222,
    SYS_mprotect = 226,
    SYS_renameat2 = 276,
    SYS_getrandom = 278,
};

_Noreturn void rt_exit(int code);
#endif

#ifndef RT_FREESTANDING
#include "rt.c"
#endif

#endif
