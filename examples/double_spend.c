/* Tries to spend a token twice: hands it on, and then hands it on again.
 *
 *     causality-vm run --store DIR --as KEY --input TOKEN:consume --capability FILE double_spend.elf
 *
 * The second time traps, where it happens, and nothing of the run takes effect: not the first time either.
 */
#include "../abi/include/causality_resource.h"
#include "rt.h"

enum { TOKEN = 0 };

/* Consumes the token and builds the same again, for the same controller. */
static void spend(unsigned long slot, const struct causality_resource *held, const struct causality_context *now,
                  const struct causality_id *token)
{
    causality_register_consume(TOKEN);
    struct causality_resource *built = causality_register_create(slot, causality_resource_size(1, 0));
    *built = *held;
    built->observed_at = now->epoch;
    built->time_context = now->time_context;
    built->nonce = *token;
    built->nonce.bytes[31] ^= (unsigned char)slot;
    causality_resource_finish(built, token, 0, 0);
    causality_register_seal(slot);
}

int main(void)
{
    struct causality_context now;
    struct causality_id token;
    if (causality_run_context(&now) < 0 || causality_register_id(TOKEN, &token) < 0) {
        print_str("there is no token\n");
        return 2;
    }
    struct causality_resource held = *(const struct causality_resource *)causality_register_window(TOKEN);
    print_str("once\n");
    spend(1, &held, &now, &token);
    print_str("twice\n");
    print_flush();
    spend(2, &held, &now, &token);
    print_str("this is never printed\n");
    return 0;
}
