/* Gives some of a token to somebody else.
 *
 *     causality-vm run --store DIR --as KEY --input TOKEN:consume --capability FILE transfer.elf AMOUNT RECIPIENT
 *
 * Slot 0 has the token. It is consumed, and two are built: the amount for the recipient, whose public key is given
 * in hexadecimal digits, and the rest for the controller of the first.
 */
#include "../abi/include/causality_resource.h"
#include "rt.h"

enum { TOKEN = 0, PAID = 1, CHANGE = 2 };

static int nibble(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

static int parse_key(const char *text, struct causality_id *key)
{
    for (int i = 0; i < 32; i++) {
        int high = nibble(text[2 * i]), low = high < 0 ? -1 : nibble(text[2 * i + 1]);
        if (low < 0)
            return 0;
        key->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return text[64] == 0;
}

/* Builds a token like `like`, with a quantity of its own. */
static void build(unsigned long slot, const struct causality_resource *like, const struct causality_context *now,
                  const struct causality_id *predecessor, unsigned long quantity, const struct causality_id *controller)
{
    struct causality_resource *built = causality_register_create(slot, causality_resource_size(1, 0));
    *built = *like;
    built->quantity = quantity;
    built->controller = *controller;
    built->observed_at = now->epoch;
    built->time_context = now->time_context;
    /* The identifier of the first token is used once, so this and the slot are unique. */
    built->nonce = *predecessor;
    built->nonce.bytes[31] ^= (unsigned char)slot;
    causality_resource_finish(built, predecessor, 0, 0);
    causality_register_seal(slot);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        print_str("usage: transfer AMOUNT RECIPIENT\n");
        return 2;
    }
    struct causality_context now;
    struct causality_id token, recipient;
    if (causality_run_context(&now) < 0) {
        print_str("this is no transaction\n");
        return 2;
    }
    unsigned long amount = parse_u64(argv[1]);
    if (!parse_key(argv[2], &recipient)) {
        print_str("the recipient is no public key\n");
        return 2;
    }
    if (causality_register_id(TOKEN, &token) < 0) {
        print_str("there is no token\n");
        return 2;
    }
    struct causality_resource held = *(const struct causality_resource *)causality_register_window(TOKEN);
    if (amount == 0 || amount > held.quantity) {
        print_str("there is not as much\n");
        return 1;
    }
    causality_register_consume(TOKEN);
    build(PAID, &held, &now, &token, amount, &recipient);
    if (amount < held.quantity)
        build(CHANGE, &held, &now, &token, held.quantity - amount, &held.controller);
    print_str("paid ");
    print_u64(amount);
    print_str(" of ");
    print_u64(held.quantity);
    print_char('\n');
    return 0;
}
