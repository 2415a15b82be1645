/* Indirect calls from a tight loop: quicksort with the order given by a callback. */
#include "rt.h"

enum { COUNT = 4000 };

typedef struct {
    uint32_t key, payload;
} record;

typedef int (*order)(const record *a, const record *b);

static int by_key(const record *a, const record *b) { return (a->key > b->key) - (a->key < b->key); }
static int by_key_down(const record *a, const record *b) { return by_key(b, a); }
static int by_payload(const record *a, const record *b) { return (a->payload > b->payload) - (a->payload < b->payload); }

static void swap(record *a, record *b)
{
    record t = *a;
    *a = *b;
    *b = t;
}

static void sort(record *from, record *to, order compare)
{
    while (to - from > 12) {
        record pivot = from[(to - from) / 2], *low = from, *high = to - 1;
        while (low <= high) {
            while (compare(low, &pivot) < 0)
                low++;
            while (compare(high, &pivot) > 0)
                high--;
            if (low <= high)
                swap(low++, high--);
        }
        if (high + 1 - from < to - low) {
            sort(from, high + 1, compare);
            from = low;
        } else {
            sort(low, to, compare);
            to = high + 1;
        }
    }
    for (record *i = from; i < to; i++)
        for (record *j = i; j > from && compare(j - 1, j) > 0; j--)
            swap(j - 1, j);
}

uint32_t run(uint32_t rounds)
{
    static record records[COUNT];
    static const order orders[] = {by_key, by_key_down, by_payload};
    uint32_t sum = CHECKSUM_START;
    uint64_t seed = 99;
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < COUNT; i++)
            records[i] = (record){(uint32_t)(random_u64(&seed) >> 32), i * 2654435761u};
        sort(records, records + COUNT, orders[round % 3]);
        for (uint32_t i = 0; i < COUNT; i += 37)
            sum = checksum_u32(checksum_u32(sum, records[i].key), records[i].payload);
    }
    return sum;
}

COMPUTE_MAIN("quicksort", 3)
