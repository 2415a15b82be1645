/* Copies standard input to standard output, then says how much there was. */
#include "rt.h"

int main(void)
{
    static char buffer[512];
    uint64_t total = 0;
    uint32_t sum = CHECKSUM_START;
    for (;;) {
        long got = syscall3(SYS_read, 0, buffer, sizeof buffer);
        if (got < 0)
            return 1;
        if (got == 0)
            break;
        print_bytes(buffer, (size_t)got);
        sum = checksum_bytes(sum, buffer, (size_t)got);
        total += (uint64_t)got;
    }
    print_str("[");
    print_u64(total);
    print_str(" bytes, checksum ");
    print_hex(sum, 8);
    print_str("]\n");
    return 0;
}
