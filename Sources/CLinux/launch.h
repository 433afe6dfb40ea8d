#pragma once
// The child's steps between clone and exec; system calls only. Each returns -1 with errno set, and says where it was.

#include "sandbox.h"

/// Maps, mounts, root, host name.
int las_settle_namespaces(const struct las_sandbox *sandbox, int *stage, int *index);
/// In the network namespace of the calling thread; where that can't be done, programs do without.
void las_raise_loopback(void);
/// Limits, work folder, privileges, filter: the last before exec.
int las_settle_rights(const struct las_sandbox *sandbox, int *stage, int *index);
/// Process 1 of a sandbox that stays, from when it has given up its rights.
_Noreturn void las_be_cell(int channel, int looks);
struct rusage;
struct las_usage las_usage_of(const struct rusage *used);
/// Whether two texts of the kernel's counts of sockets say the same of the namespace.
int las_same_sockets(const char *one, long one_length, const char *other, long other_length);
