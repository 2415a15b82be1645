/* Recursive descent over text: parses JSON into a pool, walks it, prints it again and compares. */
#include "rt.h"

enum kind { NUL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT };

typedef struct {
    enum kind kind;
    int32_t first, next; /* first child and next sibling in the pool, or -1 */
    int64_t number;
    const char *text; /* a string's bytes, or a member's key before its value */
    uint32_t len;
} value;

static value pool[128];
static int32_t used;
static const char *at;
static int failed;

static void skip_space(void)
{
    while (*at == ' ' || *at == '\n' || *at == '\t')
        at++;
}

static int take(char c)
{
    skip_space();
    if (*at != c)
        return 0;
    at++;
    return 1;
}

static int32_t make(enum kind kind)
{
    pool[used] = (value){.kind = kind, .first = -1, .next = -1};
    return used++;
}

static int32_t parse_value(void);

static int32_t parse_string(void)
{
    int32_t v = make(STRING);
    pool[v].text = at;
    while (*at && *at != '"')
        at += *at == '\\' && at[1] ? 2 : 1;
    pool[v].len = (uint32_t)(at - pool[v].text);
    if (!take('"'))
        failed = 1;
    return v;
}

static int32_t parse_number(void)
{
    int32_t v = make(NUMBER);
    int negative = take('-');
    if (*at < '0' || *at > '9')
        failed = 1;
    while (*at >= '0' && *at <= '9')
        pool[v].number = pool[v].number * 10 + (*at++ - '0');
    if (negative)
        pool[v].number = -pool[v].number;
    return v;
}

static int32_t parse_list(enum kind kind, char end)
{
    int32_t list = make(kind), last = -1;
    if (take(end))
        return list;
    do {
        int32_t child;
        if (kind == OBJECT) {
            failed |= !take('"');
            child = parse_string();
            failed |= !take(':');
            pool[child].first = parse_value();
        } else {
            child = parse_value();
        }
        if (last < 0)
            pool[list].first = child;
        else
            pool[last].next = child;
        last = child;
    } while (!failed && take(','));
    failed |= !take(end);
    return list;
}

static int32_t parse_word(const char *word, enum kind kind)
{
    while (*word)
        failed |= *at++ != *word++;
    return make(kind);
}

static int32_t parse_value(void)
{
    if (failed)
        return make(NUL);
    if (take('{'))
        return parse_list(OBJECT, '}');
    if (take('['))
        return parse_list(ARRAY, ']');
    if (take('"'))
        return parse_string();
    switch (*at) {
    case 'n': return parse_word("null", NUL);
    case 't': return parse_word("true", TRUE);
    case 'f': return parse_word("false", FALSE);
    default: return parse_number();
    }
}

static char out[1024];
static uint32_t out_len;

static void emit(const char *text, uint32_t len)
{
    memcpy(out + out_len, text, len);
    out_len += len;
}

static void emit_number(int64_t n)
{
    char digits[20];
    int i = 20;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do
        digits[--i] = (char)('0' + left % 10);
    while (left /= 10);
    if (n < 0)
        emit("-", 1);
    emit(digits + i, (uint32_t)(20 - i));
}

static void show(int32_t i)
{
    const value *v = &pool[i];
    switch (v->kind) {
    case NUL: emit("null", 4); break;
    case FALSE: emit("false", 5); break;
    case TRUE: emit("true", 4); break;
    case NUMBER: emit_number(v->number); break;
    case STRING:
        emit("\"", 1);
        emit(v->text, v->len);
        emit("\"", 1);
        break;
    case ARRAY:
    case OBJECT:
        emit(v->kind == ARRAY ? "[" : "{", 1);
        for (int32_t child = v->first; child >= 0; child = pool[child].next) {
            show(child);
            if (v->kind == OBJECT) {
                emit(":", 1);
                show(pool[child].first);
            }
            if (pool[child].next >= 0)
                emit(",", 1);
        }
        emit(v->kind == ARRAY ? "]" : "}", 1);
    }
}

static int parse(const char *text)
{
    used = 0;
    failed = 0;
    at = text;
    int32_t root = parse_value();
    skip_space();
    if (failed || *at)
        return 0;
    out_len = 0;
    show(root);
    return 1;
}

uint32_t run(uint32_t rounds)
{
    static const char document[] =
        "{ \"name\": \"causality\", \"harts\": [0, 1, 2, -3, 9007199254740993],\n"
        "  \"features\": {\"float\": true, \"vector\": false, \"none\": null, \"escaped\": \"a\\\"b\\\\c\"},\n"
        "  \"empty\": [[], {}, [[[ ]]]], \"segments\": [{\"start\": 65536, \"len\": 4096, \"mode\": \"rx\"},\n"
        "  {\"start\": 69632, \"len\": 512, \"mode\": \"r\"}, {\"start\": 73728, \"len\": 8192, \"mode\": \"rw\"}] }";
    static const char *const wrong[] = {"{", "[1,]", "{\"a\" 1}", "nul", "\"open", "[1 2]", "tru", "-"};
    static char copy[sizeof out];
    uint32_t sum = CHECKSUM_START;
    for (uint32_t round = 0; round < rounds; round++) {
        if (!parse(document))
            return 0;
        sum = checksum_bytes(sum, out, out_len);
        memcpy(copy, out, out_len);
        copy[out_len] = 0;
        uint32_t len = out_len;
        if (!parse(copy) || out_len != len || memcmp(copy, out, len) != 0)
            return 0;
        for (uint32_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
            sum = checksum_u32(sum, (uint32_t)parse(wrong[i]) + i);
    }
    print_bytes(out, out_len);
    print_char('\n');
    return sum;
}

COMPUTE_MAIN("json", 30)
