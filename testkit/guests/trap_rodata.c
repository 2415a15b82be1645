/* Writes to a constant. */
#include "rt.h"

static const char text[] = "constant\n";

int main(void)
{
    char *target = (char *)(uintptr_t)text;
    __asm__ volatile("" : "+r"(target));
    print_str(target);
    print_flush();
    target[0] = 'C';
    return 0;
}
