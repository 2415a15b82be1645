/* A logic: what governs the registers that name this program. It allows at most a hundred in each.
 *
 * A logic reads what a run did, the canonical bytes of an operation, from its standard input, and exits with 0 if that
 * is allowed.
 */
#include "../abi/include/causality_resource.h"
#include "rt.h"

enum { MOST = 100 };

static unsigned char bytes[1 << 16];
static unsigned long length, at;

static unsigned long number(int size)
{
    unsigned long value = 0;
    for (int i = 0; i < size; i++, at++)
        value |= at < length ? (unsigned long)bytes[at] << (8 * i) : 0;
    return value;
}

/* Goes over an identified register and returns its quantity. */
static unsigned long quantity(void)
{
    at += 32 + offsetof(struct causality_resource, quantity);
    unsigned long held = number(8);
    at += sizeof(struct causality_resource) - offsetof(struct causality_resource, quantity) - 8;
    if (number(1) == 1)
        at += 32;
    at += number(4);
    return held;
}

int main(void)
{
    for (long got; (got = syscall3(SYS_read, 0, bytes + length, sizeof bytes - length)) > 0;)
        length += (unsigned long)got;
    /* The logic, who it is for, the epoch; then what was consumed, each with whose authority that took. */
    at = 32 + 32 + 8;
    for (unsigned long left = number(4); left > 0; left--) {
        quantity();
        at += 32 * number(4);
    }
    for (unsigned long left = number(4); left > 0; left--) {
        unsigned long held = quantity();
        if (held > MOST || at > length) {
            print_str("no register may hold more than ");
            print_u64(MOST);
            print_str(", and one has ");
            print_u64(held);
            print_char('\n');
            return 1;
        }
    }
    return 0;
}
