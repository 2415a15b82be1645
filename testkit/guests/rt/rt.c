/* The runtime's bodies. See rt.h for what each promises. */
#include "rt.h"

#ifdef RT_HOSTED
#include <unistd.h>
#endif

/* The bottom layer: the one thing each home does its own way. */

#ifdef RT_FREESTANDING
int main(int argc, char **argv);

long syscall6(long number, long a0, long a1, long a2, long a3, long a4, long a5)
{
    register long r0 __asm__("a0") = a0;
    register long r1 __asm__("a1") = a1;
    register long r2 __asm__("a2") = a2;
    register long r3 __asm__("a3") = a3;
    register long r4 __asm__("a4") = a4;
    register long r5 __asm__("a5") = a5;
    register long r7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(r0)
                     : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r7)
                     : "memory");
    return r0;
}

_Noreturn void rt_exit(int code)
{
    print_flush();
    for (;;)
        syscall1(SYS_exit_group, code);
}

#ifdef __PIE__
enum { DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, R_RISCV_RELATIVE = 3 };

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const uint64_t _DYNAMIC[] __attribute__((visibility("hidden")));

/* Adds the load address to every word the linker listed. No pointer in data is valid before. */
static void relocate(void)
{
    uint64_t base = (uint64_t)__ehdr_start, table = 0, bytes = 0;
    for (const uint64_t *entry = _DYNAMIC; entry[0] != DT_NULL; entry += 2) {
        if (entry[0] == DT_RELA)
            table = base + entry[1];
        else if (entry[0] == DT_RELASZ)
            bytes = entry[1];
    }
    for (const uint64_t *rela = (const uint64_t *)table; bytes > 0; bytes -= 24, rela += 3)
        if ((uint32_t)rela[1] == R_RISCV_RELATIVE)
            *(uint64_t *)(base + rela[0]) = base + rela[2];
}
#endif

/* Called by crt0.S with the initial stack. */
_Noreturn void rt_start(long *stack)
{
#ifdef __PIE__
    relocate();
#endif
    rt_exit(main((int)stack[0], (char **)(stack + 1)));
}
#endif

static void write_all(const char *bytes, size_t len)
{
#if defined(RT_WASM)
    (void)bytes, (void)len;
#else
    while (len > 0) {
#ifdef RT_HOSTED
        long wrote = write(1, bytes, len);
#else
        long wrote = syscall3(SYS_write, 1, bytes, len);
#endif
        if (wrote <= 0)
            return;
        bytes += wrote;
        len -= (size_t)wrote;
    }
#endif
}

/* Printing. */

static char pending[1024];
static size_t pending_len;

#ifdef RT_HOSTED
__attribute__((destructor))
#endif
void print_flush(void)
{
    write_all(pending, pending_len);
    pending_len = 0;
}

void print_char(char c)
{
    if (pending_len == sizeof pending)
        print_flush();
    pending[pending_len++] = c;
}

void print_bytes(const void *bytes, size_t len)
{
    const char *from = bytes;
    for (size_t i = 0; i < len; i++)
        print_char(from[i]);
}

void print_str(const char *text)
{
    while (*text)
        print_char(*text++);
}

void print_u64(uint64_t value)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n > 0)
        print_char(digits[--n]);
}

void print_i64(int64_t value)
{
    if (value < 0) {
        print_char('-');
        print_u64(0 - (uint64_t)value);
    } else {
        print_u64((uint64_t)value);
    }
}

void print_hex(uint64_t value, int digits)
{
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
        print_char("0123456789abcdef"[value >> shift & 15]);
}

void print_f64_bits(double value)
{
    uint64_t bits = f64_bits(value);
#ifndef __riscv
    if (value != value)
        bits = 0x7ff8000000000000u;
#endif
    print_hex(bits, 16);
}

void print_f32_bits(float value)
{
    uint32_t bits = f32_bits(value);
#ifndef __riscv
    if (value != value)
        bits = 0x7fc00000u;
#endif
    print_hex(bits, 8);
}

/* Numbers. */

uint64_t parse_u64(const char *text)
{
    uint64_t value = 0;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

uint32_t checksum_bytes(uint32_t sum, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ from[i]) * 16777619u;
    return sum;
}

uint32_t checksum_u32(uint32_t sum, uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        sum = (sum ^ (value & 255)) * 16777619u;
    return sum;
}

uint32_t checksum_u64(uint32_t sum, uint64_t value)
{
    sum = checksum_u32(sum, (uint32_t)value);
    return checksum_u32(sum, (uint32_t)(value >> 32));
}

uint64_t random_u64(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

union f64_view {
    double value;
    uint64_t bits;
};
union f32_view {
    float value;
    uint32_t bits;
};

uint64_t f64_bits(double value) { return (union f64_view){.value = value}.bits; }
uint32_t f32_bits(float value) { return (union f32_view){.value = value}.bits; }
double f64_from_bits(uint64_t bits) { return (union f64_view){.bits = bits}.value; }
float f32_from_bits(uint32_t bits) { return (union f32_view){.bits = bits}.value; }

/* Memory. */

#ifndef RT_HOSTED
typedef uint64_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((((uintptr_t)d ^ (uintptr_t)s) & 7) == 0) {
        for (; len > 0 && ((uintptr_t)d & 7); len--)
            *d++ = *s++;
        for (; len >= 8; len -= 8, d += 8, s += 8)
            *(word *)d = *(const word *)s;
    }
    for (; len > 0; len--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s || d >= s + len)
        return memcpy(to, from, len);
    while (len > 0) {
        len--;
        d[len] = s[len];
    }
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    uint8_t *d = to;
    uint64_t fill = (uint8_t)byte * 0x0101010101010101u;
    for (; len > 0 && ((uintptr_t)d & 7); len--)
        *d++ = (uint8_t)byte;
    for (; len >= 8; len -= 8, d += 8)
        *(word *)d = fill;
    for (; len > 0; len--)
        *d++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < len; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *text)
{
    size_t len = 0;
    while (text[len])
        len++;
    return len;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}
#endif

#ifdef RT_WASM
/* What the compiler calls for a 128-bit product: built from 32-bit halves. */
__int128 __multi3(__int128 a, __int128 b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    uint64_t low = (x & 0xffffffff) * (y & 0xffffffff), high = (x >> 32) * (y >> 32);
    uint64_t cross = (x >> 32) * (y & 0xffffffff) + (low >> 32);
    uint64_t other = (x & 0xffffffff) * (y >> 32) + (cross & 0xffffffff);
    high += (cross >> 32) + (other >> 32);
    high += x * (uint64_t)(b >> 64) + y * (uint64_t)(a >> 64);
    return (__int128)((unsigned __int128)high << 64 | (other << 32 | (low & 0xffffffff)));
}
#endif
