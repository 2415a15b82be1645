/* What a resource register holds, for guests of causality-vm: the canonical bytes, which are the contents of its
 * window. Whoever builds one fills in all of it; what it is called follows from these bytes. See docs/resources.md. */
#ifndef CAUSALITY_RESOURCE_H
#define CAUSALITY_RESOURCE_H

#include "causality.h"

struct causality_id {
    unsigned char bytes[32];
};

/* What comes first, at fixed offsets. */
struct causality_resource {
    struct causality_id logic;        /* what governs it */
    struct causality_id domain;       /* within which quantities are the same and conserved */
    unsigned long quantity;
    struct causality_id controller;   /* whose it is: an ed25519 public key */
    struct causality_id nullifier_key;
    unsigned long observed_at;        /* epoch and */
    struct causality_id time_context; /* time of the run that built it */
    struct causality_id nonce;        /* makes otherwise equal ones different */
};

/* Behind that: 0, or 1 and the identifier of its predecessor; then the length of the metadata, four bytes, little
 * endian; then the metadata. */

/* Bytes of a resource with so much metadata. */
static inline unsigned long causality_resource_size(int has_predecessor, unsigned long metadata)
{
    return sizeof(struct causality_resource) + (has_predecessor ? 33 : 1) + 4 + metadata;
}

/* Writes what is behind the fixed part. */
static inline void causality_resource_finish(struct causality_resource *resource, const struct causality_id *predecessor,
                                             const void *metadata, unsigned int len)
{
    unsigned char *at = (unsigned char *)(resource + 1);
    *at++ = predecessor != 0;
    if (predecessor) {
        for (int i = 0; i < 32; i++)
            *at++ = predecessor->bytes[i];
    }
    for (int i = 0; i < 4; i++)
        *at++ = (unsigned char)(len >> (8 * i));
    for (unsigned int i = 0; i < len; i++)
        *at++ = ((const unsigned char *)metadata)[i];
}

/* What a run tells its guest. */
struct causality_context {
    unsigned long epoch;
    struct causality_id time_context;
    struct causality_id initiator;
};

/* A host function of a run by its name, with up to four arguments. 0 or what it is for; negative: -13 (EACCES) not
 * allowed, -22 (EINVAL) no such thing, -38 (ENOSYS) this is no transaction. Misuse of registers traps. */
#define CAUSALITY_RUN(name, a, b, c, d)                                                                               \
    ({                                                                                                                \
        static long causality_number;                                                                                 \
        if (!causality_number)                                                                                        \
            causality_number = causality_resolve(name);                                                               \
        causality_number < 0 ? causality_number                                                                       \
                             : causality_call4(causality_number, (long)(a), (long)(b), (long)(c), (long)(d));         \
    })

/* Epoch and time that registers built in this run have to name, and who the run is for. */
static inline long causality_run_context(struct causality_context *to)
{
    return CAUSALITY_RUN("causality.context", to, 0, 0, 0);
}

/* The identifier of the register in a slot, if it was loaded. */
static inline long causality_register_id(unsigned long slot, struct causality_id *to)
{
    return CAUSALITY_RUN("causality.register_id", slot, to, 0, 0);
}

/* Loads a register that the run declared into a slot. */
static inline long causality_load(const struct causality_id *id, unsigned long slot)
{
    return CAUSALITY_RUN("causality.load", id, slot, 0, 0);
}

/* Hands a sealed register over, to be left behind by the run; its slot is empty then. What is in slots at the end is
 * handed over in any case. `id` may be null. */
static inline long causality_store(unsigned long slot, struct causality_id *id)
{
    return CAUSALITY_RUN("causality.store", slot, id, 0, 0);
}

/* Reserves a register until an epoch. The run must have declared to control it, as for all changes of its state. */
static inline long causality_lock(unsigned long slot, unsigned long expires_at)
{
    return CAUSALITY_RUN("causality.lock", slot, expires_at, 0, 0);
}

static inline long causality_unlock(unsigned long slot)
{
    return CAUSALITY_RUN("causality.unlock", slot, 0, 0, 0);
}

/* Allows nothing but reading a register. */
static inline long causality_freeze(unsigned long slot, const char *reason, unsigned long len)
{
    return CAUSALITY_RUN("causality.freeze", slot, reason, len, 0);
}

static inline long causality_unfreeze(unsigned long slot)
{
    return CAUSALITY_RUN("causality.unfreeze", slot, 0, 0, 0);
}

/* Uses a capability of the run, by its number, for a right over the register in a slot that its intent covers. */
enum causality_right {
    CAUSALITY_READ = 1,
    CAUSALITY_WRITE = 2,
    CAUSALITY_CONSUME = 4,
    CAUSALITY_UPDATE = 8,
    CAUSALITY_TRANSFER = 16,
    CAUSALITY_LOCK = 32,
    CAUSALITY_FREEZE = 64,
    CAUSALITY_DELEGATE = 128,
};

static inline long causality_use_capability(unsigned long handle, unsigned long slot, enum causality_right right)
{
    return CAUSALITY_RUN("causality.use_capability", handle, slot, right, 0);
}

/* Publishes bytes with the record of the run. */
static inline long causality_journal(const void *bytes, unsigned long len)
{
    return CAUSALITY_RUN("causality.journal", bytes, len, 0, 0);
}

/* As causality_request_hash, of a sealed register: at once from the second time on. */
static inline long causality_request_register_hash(unsigned long slot)
{
    return CAUSALITY_RUN("causality.request_register_hash", slot, 0, 0, 0);
}

#endif
