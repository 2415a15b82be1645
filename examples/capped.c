/* A logic: what governs the registers that name this program. It allows at most a hundred in each.
 *
 * A logic reads what a run did, the canonical bytes of an operation, from its standard input, and exits with 0 if that
 * is allowed. What it does not understand to the last byte it has to refuse: whoever made the run chose what is in it.
 */
#include "../abi/include/causality_resource.h"
#include "rt.h"

enum { MOST = 100 };

static unsigned char bytes[1 << 16];
static unsigned long length, at;

static void refuse(const char *why)
{
    print_str(why);
    print_char('\n');
    rt_exit(1);
}

/* Goes over so many bytes, which have to be there. */
static void skip(unsigned long size)
{
    if (size > length - at)
        refuse("the operation is cut off");
    at += size;
}

static unsigned long number(int size)
{
    unsigned long value = 0, from = at;
    skip(size);
    for (int i = 0; i < size; i++)
        value |= (unsigned long)bytes[from + i] << (8 * i);
    return value;
}

/* Goes over an identified register and returns its quantity. */
static unsigned long quantity(void)
{
    skip(32 + offsetof(struct causality_resource, quantity));
    unsigned long held = number(8);
    skip(sizeof(struct causality_resource) - offsetof(struct causality_resource, quantity) - 8);
    if (number(1) == 1)
        skip(32);
    skip(number(4));
    return held;
}

int main(void)
{
    for (long got; (got = syscall3(SYS_read, 0, bytes + length, sizeof bytes - length)) > 0;)
        length += (unsigned long)got;
    if (length == sizeof bytes)
        refuse("the operation is longer than this logic reads");
    /* The logic, who it is for, the epoch; then what was consumed, each with whose authority that took. */
    skip(32 + 32 + 8);
    for (unsigned long left = number(4); left > 0; left--) {
        quantity();
        skip(32 * number(4));
    }
    for (unsigned long left = number(4); left > 0; left--) {
        unsigned long held = quantity();
        if (held > MOST) {
            print_str("no register may hold more than ");
            print_u64(MOST);
            print_str(", and one has ");
            print_u64(held);
            print_char('\n');
            return 1;
        }
    }
    /* The sums of each domain, consumed and created, and the domains in which the run may issue. */
    skip((32 + 16 + 16) * number(4));
    skip(32 * number(4));
    if (at != length)
        refuse("the operation has more than this logic knows");
    return 0;
}
