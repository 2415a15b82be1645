/* Reads a resource register, and ordinary memory with the same bytes, in the same loops.
 *
 *     register_read                                    every loop over both, once; 64 KiB
 *     register_read LOOP register|memory ROUNDS KIB    one of them: words, bytes, calls or pairs
 */
#include "../../abi/include/causality.h"
#include "rt.h"

#define MOST (1ul << 20)

static uint64_t memory[2][MOST / 8];

struct source {
    const char *name;
    const void *bytes[2];
    size_t length;
};

/* Doubleword by doubleword: the least a loop can do. */
static __attribute__((noinline)) uint64_t words(const struct source *source)
{
    const uint64_t *word = source->bytes[0], *end = word + source->length / 8;
    uint64_t sum = 0;
    while (word != end)
        sum += *word++;
    return sum;
}

static __attribute__((noinline)) uint64_t bytes(const struct source *source)
{
    const uint8_t *byte = source->bytes[0];
    uint64_t sum = 0;
    for (size_t i = 0; i < source->length; i++)
        sum += byte[i];
    return sum;
}

static __attribute__((noinline)) uint64_t word_at(const uint64_t *at)
{
    return *at;
}

/* The loads are in a function of their own, so that nothing in front of the loop can stand for them. */
static __attribute__((noinline)) uint64_t calls(const struct source *source)
{
    const uint64_t *word = source->bytes[0];
    uint64_t sum = 0;
    for (size_t i = 0; i < source->length / 8; i++)
        sum += word_at(word + i);
    return sum;
}

/* Two compared; they differ in one word of sixteen. */
static __attribute__((noinline)) uint64_t pairs(const struct source *source)
{
    const uint64_t *one = source->bytes[0], *other = source->bytes[1];
    uint64_t different = 0;
    for (size_t i = 0; i < source->length / 8; i++)
        different += one[i] != other[i];
    return different;
}

static const struct loop {
    const char *name;
    uint64_t (*run)(const struct source *);
} loops[] = { { "words", words }, { "bytes", bytes }, { "calls", calls }, { "pairs", pairs } };

static void fill(uint64_t *to, size_t length, int which)
{
    uint64_t state = 1;
    for (size_t i = 0; i < length / 8; i++)
        to[i] = random_u64(&state) + (which == 1 && i % 16 == 0);
}

static void measure(const struct loop *loop, const struct source *source, uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++)
        sum += loop->run(source);
    print_str(loop->name);
    print_char(' ');
    print_str(source->name);
    print_char(' ');
    print_hex(sum, 16);
    print_char('\n');
}

int main(int argc, char **argv)
{
    size_t length = argc > 4 ? parse_u64(argv[4]) << 10 : 64 << 10;
    if (length > MOST)
        return 2;
    struct source sources[2] = { { "register", { 0, 0 }, length }, { "memory", { memory[0], memory[1] }, length } };
    for (int which = 0; which < 2; which++) {
        void *window = causality_register_create(which, length);
        fill(window, length, which);
        causality_register_seal(which);
        sources[0].bytes[which] = window;
        fill(memory[which], length, which);
    }
    uint64_t rounds = argc > 3 ? parse_u64(argv[3]) : 1;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        for (int which = 0; which < 2; which++)
            if (argc < 3 || (!strcmp(argv[1], loops[i].name) && !strcmp(argv[2], sources[which].name)))
                measure(&loops[i], &sources[which], rounds);
    causality_register_consume(0);
    causality_register_consume(1);
    return 0;
}
