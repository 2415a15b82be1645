/* Trees and single bits: builds a Huffman code for skewed text, encodes, decodes and compares. */
#include "rt.h"

enum { LEN = 3000, SYMBOLS = 40, NODES = 2 * SYMBOLS };
static uint8_t plain[LEN], coded[LEN], back[LEN];

typedef struct {
    uint32_t weight;
    int16_t left, right; /* children, or -1 */
} tree_node;

static tree_node nodes[NODES];
static uint32_t code[SYMBOLS];
static uint8_t code_len[SYMBOLS];

static void fill(uint64_t seed)
{
    for (int i = 0; i < LEN; i++) {
        uint64_t r = random_u64(&seed);
        plain[i] = (uint8_t)((r >> 8) % (1 + (r >> 40) % SYMBOLS));
    }
}

/* Removes and returns the lightest root; `roots` holds `count` of them. */
static int16_t take_lightest(int16_t *roots, int *count)
{
    int best = 0;
    for (int i = 1; i < *count; i++)
        if (nodes[roots[i]].weight < nodes[roots[best]].weight)
            best = i;
    int16_t taken = roots[best];
    roots[best] = roots[--*count];
    return taken;
}

static int16_t build_tree(void)
{
    int16_t roots[SYMBOLS];
    int count = SYMBOLS;
    int16_t made = SYMBOLS;
    for (int16_t i = 0; i < SYMBOLS; i++) {
        nodes[i] = (tree_node){1, -1, -1};
        roots[i] = i;
    }
    for (int i = 0; i < LEN; i++)
        nodes[plain[i]].weight++;
    while (count > 1) {
        int16_t a = take_lightest(roots, &count), b = take_lightest(roots, &count);
        nodes[made] = (tree_node){nodes[a].weight + nodes[b].weight, a, b};
        roots[count++] = made++;
    }
    return roots[0];
}

static void assign(int16_t at, uint32_t bits, uint8_t len)
{
    if (nodes[at].left < 0) {
        code[at] = bits;
        code_len[at] = len;
        return;
    }
    assign(nodes[at].left, bits, len + 1);
    assign(nodes[at].right, bits | 1u << len, len + 1);
}

static uint32_t encode(void)
{
    uint32_t at = 0;
    memset(coded, 0, sizeof coded);
    for (int i = 0; i < LEN; i++)
        for (int bit = 0; bit < code_len[plain[i]]; bit++, at++)
            coded[at >> 3] |= (uint8_t)((code[plain[i]] >> bit & 1) << (at & 7));
    return at;
}

static void decode(int16_t root)
{
    uint32_t at = 0;
    for (int i = 0; i < LEN; i++) {
        int16_t node = root;
        for (; nodes[node].left >= 0; at++)
            node = coded[at >> 3] >> (at & 7) & 1 ? nodes[node].right : nodes[node].left;
        back[i] = (uint8_t)node;
    }
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    for (uint32_t round = 0; round < rounds; round++) {
        fill(round + 11);
        int16_t root = build_tree();
        assign(root, 0, 0);
        uint32_t bits = encode();
        decode(root);
        sum = checksum_u32(sum, bits);
        sum = checksum_bytes(sum, coded, bits / 8);
        if (memcmp(plain, back, LEN) != 0)
            return 0;
    }
    return sum;
}

COMPUTE_MAIN("huffman", 5)
