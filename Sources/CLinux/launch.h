#pragma once
// The child's steps between clone and exec; system calls only. Each returns -1 with errno set, and says where it was.

#include "sandbox.h"

/// Maps, mounts, root, host name.
int las_settle_namespaces(const struct las_sandbox *sandbox, int *stage, int *index);
/// Limits, work folder, privileges, filter: the last before exec.
int las_settle_rights(const struct las_sandbox *sandbox, int *stage, int *index);
