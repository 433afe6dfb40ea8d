#pragma once
// The child's steps between clone and exec; system calls only. Each returns -1 with errno set, and says where it was.

#include "sandbox.h"

/// Maps, mounts, root, host name.
int las_settle_namespaces(const struct las_sandbox *sandbox, int *stage, int *index);
/// In the network namespace of the calling thread; where that can't be done, programs do without.
void las_raise_loopback(void);
/// Limits, work folder, privileges, filter: the last before exec.
int las_settle_rights(const struct las_sandbox *sandbox, int *stage, int *index);
