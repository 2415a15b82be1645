/* Goes before a computing guest's own source: what it exports. */
#include "polkavm.h"

POLKAVM_EXPORT(run, 1, 1);
