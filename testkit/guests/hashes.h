/* What `hashes_inline` and `hashes_deferred` hash: objects of 256 bytes, each of them different. */
#include "rt.h"

enum { OBJECT_BYTES = 256 };

static uint64_t object[OBJECT_BYTES / 8];

static void make_object(uint32_t number)
{
    for (size_t i = 0; i < OBJECT_BYTES / 8; i++)
        object[i] = (number + 1) * 0x9e3779b97f4a7c15u ^ i;
}
