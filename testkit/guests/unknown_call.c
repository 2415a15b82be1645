/* A system call nobody has defined: it fails with ENOSYS, and the guest goes on. */
#include "rt.h"

int main(void)
{
    print_i64(syscall0(9999));
    print_char('\n');
    print_i64(syscall3(SYS_write, 77, "x", 1));
    print_char('\n');
    print_i64(syscall3(SYS_write, 1, (void *)8, 4));
    print_char('\n');
    return 0;
}
