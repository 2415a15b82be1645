/* The corners of floating point: signed zeros, subnormals, infinities, NaN, rounding, conversions out of
 * range, fused multiply-add, minimum and maximum. Off RISC-V the manual's answers are written out in C. */
#include "rt.h"

#define OPAQUE(x) __asm__ volatile("" : "+r"(x)) /* keeps the compiler from folding */

static const uint64_t corners[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000,
    0x3ff0000000000000, 0xbff0000000000000, 0x3fb999999999999a, 0x4005bf0a8b145769, 0xc3e0000000000000,
    0x43e0000000000000, 0x43f0000000000000, 0x41dfffffffe00000, 0xc1e0000000200000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
};
enum { CORNERS = sizeof corners / sizeof *corners };

static double corner(int i)
{
    uint64_t bits = corners[i];
    OPAQUE(bits);
    return f64_from_bits(bits);
}

#ifdef __riscv
#define CONVERT(name, type, insn)                                                    \
    static type name(double x)                                                       \
    {                                                                                \
        type r;                                                                      \
        __asm__ volatile(insn " %0, %1, rtz" : "=r"(r) : "f"(x));                    \
        return r;                                                                    \
    }
CONVERT(to_i32, int32_t, "fcvt.w.d")
CONVERT(to_u32, uint32_t, "fcvt.wu.d")
CONVERT(to_i64, int64_t, "fcvt.l.d")
CONVERT(to_u64, uint64_t, "fcvt.lu.d")

static double least(double a, double b)
{
    double r;
    __asm__ volatile("fmin.d %0, %1, %2" : "=f"(r) : "f"(a), "f"(b));
    return r;
}

static double most(double a, double b)
{
    double r;
    __asm__ volatile("fmax.d %0, %1, %2" : "=f"(r) : "f"(a), "f"(b));
    return r;
}
#else
static int32_t to_i32(double x)
{
    return x != x || x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : (int32_t)x;
}
static uint32_t to_u32(double x) { return x != x || x >= 4294967295.0 ? UINT32_MAX : x <= 0 ? 0 : (uint32_t)x; }
static int64_t to_i64(double x) { return x != x || x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x; }
static uint64_t to_u64(double x) { return x != x || x >= 0x1p64 ? UINT64_MAX : x <= 0 ? 0 : (uint64_t)x; }

static double least(double a, double b)
{
    if (a != a || b != b)
        return a != a ? b : a;
    return a < b || (a == b && f64_bits(a) >> 63) ? a : b;
}

static double most(double a, double b)
{
    if (a != a || b != b)
        return a != a ? b : a;
    return a > b || (a == b && !(f64_bits(a) >> 63)) ? a : b;
}
#endif

static void print_one(double x)
{
    print_f64_bits(x);
    print_str(" sqrt ");
    print_f64_bits(__builtin_sqrt(x));
    print_str(" f32 ");
    print_f32_bits((float)x);
    print_str(" i32 ");
    print_i64(to_i32(x));
    print_str(" u32 ");
    print_u64(to_u32(x));
    print_str(" i64 ");
    print_i64(to_i64(x));
    print_str(" u64 ");
    print_u64(to_u64(x));
    print_char('\n');
}

static uint64_t canonical(double x) { return x != x ? 0x7ff8000000000000 : f64_bits(x); }

static uint32_t pair_sum(double a, double b)
{
    uint32_t sum = CHECKSUM_START;
    sum = checksum_u64(sum, canonical(a + b));
    sum = checksum_u64(sum, canonical(a - b));
    sum = checksum_u64(sum, canonical(a * b));
    sum = checksum_u64(sum, canonical(a / b));
    sum = checksum_u64(sum, canonical(least(a, b)));
    sum = checksum_u64(sum, canonical(most(a, b)));
    sum = checksum_u64(sum, canonical((float)a * (float)b));
    sum = checksum_u64(sum, canonical((double)((float)a / (float)b)));
    return checksum_u32(sum, (uint32_t)((a < b) | (a <= b) << 1 | (a == b) << 2));
}

int main(void)
{
    for (int i = 0; i < CORNERS; i++)
        print_one(corner(i));
    for (int i = 0; i < CORNERS; i++) {
        uint32_t sum = CHECKSUM_START, fused = CHECKSUM_START;
        for (int j = 0; j < CORNERS; j++) {
            sum = checksum_u32(sum, pair_sum(corner(i), corner(j)));
            for (int k = 0; k < CORNERS; k++) {
                double a = corner(i), b = corner(j), c = corner(k);
                fused = checksum_u64(fused, canonical(__builtin_fma(a, b, c)));
                fused = checksum_u64(fused, canonical((double)__builtin_fmaf((float)a, (float)b, -(float)c)));
            }
        }
        print_hex(sum, 8);
        print_char(' ');
        print_hex(fused, 8);
        print_char('\n');
    }
    return 0;
}
