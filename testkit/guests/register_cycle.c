/* Creates a resource register of 32 bytes, writes it, seals it and consumes it: argv[1] times, in argv[2] slots in turn. */
#include "../../abi/include/causality.h"
#include "rt.h"

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? parse_u64(argv[1]) : 1000;
    uint64_t slots = argc > 2 ? parse_u64(argv[2]) : 1;
    uint64_t slot = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t *window = causality_register_create(slot, 32);
        for (int i = 0; i < 4; i++)
            window[i] = round + (uint64_t)i;
        causality_register_seal(slot);
        causality_register_consume(slot);
        slot = slot + 1 == slots ? 0 : slot + 1;
    }
    /* What is left of the last ones. */
    uint64_t consumed = 0;
    for (slot = 0; slot < slots; slot++)
        consumed += causality_register_state(slot) == CAUSALITY_CONSUMED;
    print_str("consumed ");
    print_u64(rounds);
    print_str(", slots ");
    print_u64(consumed);
    print_char('\n');
    return 0;
}
