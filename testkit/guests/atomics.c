/* Every atomic memory operation on one hart, and load-reserved / store-conditional pairs that succeed and fail. */
#include "rt.h"

static uint64_t cell;
static uint32_t sum = CHECKSUM_START;

#define AMO(op, start, operand)                                                                         \
    do {                                                                                                \
        uint64_t old;                                                                                   \
        cell = (start);                                                                                 \
        __asm__ volatile(op " %0, %1, (%2)" : "=r"(old) : "r"((uint64_t)(operand)), "r"(&cell) : "memory"); \
        sum = checksum_u64(checksum_u64(sum, old), cell);                                               \
    } while (0)

#define ALL(start, operand)                 \
    AMO("amoswap.w", start, operand);       \
    AMO("amoadd.w.aqrl", start, operand);   \
    AMO("amoxor.w", start, operand);        \
    AMO("amoand.w", start, operand);        \
    AMO("amoor.w", start, operand);         \
    AMO("amomin.w", start, operand);        \
    AMO("amomax.w", start, operand);        \
    AMO("amominu.w", start, operand);       \
    AMO("amomaxu.w", start, operand);       \
    AMO("amoswap.d", start, operand);       \
    AMO("amoadd.d.aq", start, operand);     \
    AMO("amoxor.d", start, operand);        \
    AMO("amoand.d", start, operand);        \
    AMO("amoor.d.rl", start, operand);      \
    AMO("amomin.d", start, operand);        \
    AMO("amomax.d", start, operand);        \
    AMO("amominu.d", start, operand);       \
    AMO("amomaxu.d", start, operand)

int main(void)
{
    static const uint64_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x8000000000000000, ~0ull, 0x123456789abcdef0};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            ALL(values[i], values[j]);
        }
    print_hex(sum, 8);
    print_char('\n');

    uint64_t got, failed, again;
    cell = 41;
    __asm__ volatile("lr.d %0, (%3)\n\taddi %0, %0, 1\n\tsc.d %1, %0, (%3)\n\tsc.d %2, zero, (%3)"
                     : "=&r"(got), "=&r"(failed), "=&r"(again)
                     : "r"(&cell)
                     : "memory");
    print_u64(cell);
    print_str(failed ? " failed" : " stored");
    print_str(again ? " then failed\n" : " then stored\n");
    return 0;
}
