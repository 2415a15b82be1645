/* Reads a machine-mode register from user mode. */
#include "rt.h"

int main(void)
{
    uint64_t status;
    __asm__ volatile("csrr %0, mstatus" : "=r"(status));
    return (int)status;
}
