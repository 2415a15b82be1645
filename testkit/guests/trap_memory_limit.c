/* Asks for more memory than it may have: the default of a machine's limits is to trap. */
#include "rt.h"

int main(void)
{
    long size = 256l << 20;
    for (int i = 0; i < 8; i++)
        if (syscall6(SYS_mmap, 0, size, 3, 0x22, -1, 0) < 0)
            return 12; /* told so by an errno */
    return 1; /* nobody minded */
}
