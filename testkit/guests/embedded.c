/* The mix that small controllers run: list walking and merging, a small integer matrix, a scanner built as a
 * state machine, and a bitwise CRC over all results. */
#include "rt.h"

/* Lists. */

typedef struct item {
    struct item *next;
    int16_t key, order;
} item;

enum { ITEMS = 120 };
static item items[ITEMS];

static item *build_list(uint64_t *seed)
{
    for (int i = 0; i < ITEMS; i++)
        items[i] = (item){i + 1 < ITEMS ? &items[i + 1] : 0, (int16_t)(random_u64(seed) >> 50), (int16_t)i};
    return items;
}

static item *merge(item *a, item *b)
{
    item *head = 0, **tail = &head;
    while (a && b) {
        item **smaller = a->key <= b->key ? &a : &b;
        *tail = *smaller;
        tail = &(*tail)->next;
        *smaller = (*smaller)->next;
    }
    *tail = a ? a : b;
    return head;
}

static item *sort_list(item *list)
{
    if (!list || !list->next)
        return list;
    item *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    item *rest = slow->next;
    slow->next = 0;
    return merge(sort_list(list), sort_list(rest));
}

static item *reverse(item *list)
{
    item *done = 0;
    while (list) {
        item *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

/* A scanner of numbers: words separated by commas, counted by kind. */

enum kind { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, WRONG, KINDS };

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static enum kind advance(enum kind state, char c)
{
    switch (state) {
    case START: return is_digit(c) ? INTEGER : c == '-' || c == '+' ? SIGN : c == '.' ? POINT : WRONG;
    case SIGN: return is_digit(c) ? INTEGER : c == '.' ? POINT : WRONG;
    case INTEGER: return is_digit(c) ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case POINT: return is_digit(c) ? FRACTION : WRONG;
    case FRACTION: return is_digit(c) ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case EXPONENT: return is_digit(c) ? SCIENTIFIC : c == '-' || c == '+' ? EXPONENT_SIGN : WRONG;
    case EXPONENT_SIGN:
    case SCIENTIFIC: return is_digit(c) ? SCIENTIFIC : WRONG;
    default: return WRONG;
    }
}

static void scan(const char *text, uint32_t counts[KINDS])
{
    enum kind state = START;
    for (; *text; text++) {
        if (*text == ',') {
            counts[state]++;
            state = START;
        } else {
            state = advance(state, *text);
        }
    }
    counts[state]++;
}

/* A matrix of 16-bit numbers. */

enum { SIDE = 10 };

static int32_t matrix_trace(const int16_t m[SIDE][SIDE], int16_t scale)
{
    int32_t trace = 0;
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++)
            trace += (m[i][k] * scale >> 3) * m[k][i] & 0xffff;
    return trace;
}

static uint16_t crc16(uint16_t crc, uint32_t value)
{
    for (int bit = 0; bit < 32; bit++, value >>= 1) {
        uint16_t feedback = (uint16_t)((crc ^ value) & 1);
        crc = (uint16_t)(crc >> 1 ^ (feedback ? 0xa001 : 0));
    }
    return crc;
}

uint32_t run(uint32_t rounds)
{
    static const char text[] = "12,-7,+3.25,.5,abc,6.02e23,1e-9,--4,7e,3.14159,,-.75e+2,99x,0,5.,1e+";
    int16_t matrix[SIDE][SIDE];
    uint16_t crc = 0;
    uint64_t seed = 3;
    for (int i = 0; i < SIDE * SIDE; i++)
        matrix[i / SIDE][i % SIDE] = (int16_t)(random_u64(&seed) >> 52);
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t counts[KINDS] = {0};
        item *list = reverse(sort_list(build_list(&seed)));
        for (int i = 0; list; list = list->next, i++)
            if (i % 8 == 0)
                crc = crc16(crc, (uint32_t)(uint16_t)list->key << 16 | (uint16_t)list->order);
        scan(text, counts);
        for (int i = 0; i < KINDS; i++)
            crc = crc16(crc, counts[i] + round);
        crc = crc16(crc, (uint32_t)matrix_trace(matrix, (int16_t)crc));
        matrix[round % SIDE][crc % SIDE] ^= (int16_t)(crc & 0x3ff);
    }
    return crc;
}

COMPUTE_MAIN("embedded", 60)
