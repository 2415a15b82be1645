/* Reads what a register holds, publishes its quantity, and asks for its hash.
 *
 *     causality-vm run --store DIR --as KEY --input REGISTER:read --capability FILE reader.elf
 */
#include "../abi/include/causality_resource.h"
#include "rt.h"

int main(void)
{
    const struct causality_resource *held = causality_register_window(0);
    unsigned long length = causality_register_length(0);
    long id = causality_request_register_hash(0);
    if (id < 0 || causality_journal(&held->quantity, sizeof held->quantity) < 0)
        return 2;
    print_str("a register of ");
    print_u64(length);
    print_str(" bytes holds ");
    print_u64(held->quantity);
    print_char('\n');
    return 0;
}
