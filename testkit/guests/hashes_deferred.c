/* Asks the host to hash objects after the run. Where nobody does so, it says so and exits with 2. */
#include "../../abi/include/causality.h"
#include "hashes.h"

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)parse_u64(argv[1]) : 30;
    for (uint32_t round = 0; round < rounds; round++) {
        make_object(round);
        long id = causality_request_hash(object, sizeof object);
        if (id == -38) {
            print_str("nobody hashes here\n");
            return 2;
        }
        if (id != (long)round) {
            print_str("request ");
            print_u64(round);
            print_str(" got ");
            print_i64(id);
            print_char('\n');
            return 3;
        }
    }
    print_str("requests ");
    print_u64(rounds);
    print_char('\n');
    return 0;
}
