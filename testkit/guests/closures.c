/* One indirect call per step: an expression tree compiled to a graph of nodes, each with the function that
 * evaluates it. It computes a small digital filter over pseudo-random samples. */
#include "rt.h"

typedef struct node node;
typedef int64_t (*evaluator)(const node *self, int64_t *variables);
struct node {
    evaluator eval;
    const node *left, *right;
    int64_t value;
};

static int64_t value(const node *n, int64_t *v) { return n->eval(n, v); }

static int64_t constant(const node *n, int64_t *v) { (void)v; return n->value; }
static int64_t load(const node *n, int64_t *v) { return v[n->value]; }
static int64_t store(const node *n, int64_t *v) { return v[n->value] = value(n->left, v); }
static int64_t plus(const node *n, int64_t *v) { return value(n->left, v) + value(n->right, v); }
static int64_t minus(const node *n, int64_t *v) { return value(n->left, v) - value(n->right, v); }
static int64_t product(const node *n, int64_t *v) { return value(n->left, v) * value(n->right, v); }
static int64_t shift(const node *n, int64_t *v) { return value(n->left, v) >> (value(n->right, v) & 63); }
static int64_t greater(const node *n, int64_t *v) { return value(n->left, v) > value(n->right, v); }
static int64_t either(const node *n, int64_t *v) { return value(n->left, v) ? value(n->right, v) : n->value; }
static int64_t both(const node *n, int64_t *v) { value(n->left, v); return value(n->right, v); }

static node pool[64];
static int used;

static const node *make(evaluator eval, const node *left, const node *right, int64_t value)
{
    pool[used] = (node){eval, left, right, value};
    return &pool[used++];
}

static const node *num(int64_t n) { return make(constant, 0, 0, n); }
static const node *get(int i) { return make(load, 0, 0, i); }
static const node *set(int i, const node *to) { return make(store, to, 0, i); }

static const node *op(evaluator eval, const node *left, const node *right) { return make(eval, left, right, 0); }

/* Variables: 0 is the sample, 1 and 2 the filter's state, 3 the peak so far. */
static const node *build(void)
{
    const node *feedback = op(plus, op(product, get(1), num(29000)), op(product, get(2), num(-14000)));
    const node *next = op(plus, get(0), op(shift, feedback, num(15)));
    const node *slide = op(both, set(2, get(1)), set(1, next));
    const node *peak = op(either, op(greater, get(1), get(3)), set(3, get(1)));
    return op(both, op(both, slide, peak), op(minus, get(1), get(2)));
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = CHECKSUM_START;
    uint64_t seed = 5;
    int64_t variables[4] = {0, 0, 0, 0};
    used = 0;
    const node *root = build();
    for (uint32_t i = 0; i < rounds; i++) {
        for (int sample = 0; sample < 500; sample++) {
            variables[0] = (int64_t)(random_u64(&seed) >> 48) - 32768;
            sum += (uint32_t)root->eval(root, variables);
        }
        sum = checksum_u64(sum, (uint64_t)variables[3]);
        variables[3] = 0;
    }
    return sum;
}

COMPUTE_MAIN("closures", 8)
