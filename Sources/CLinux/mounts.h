#pragma once
#include "sandbox.h"

/// Enough for "/proc/self/fd/" and a number.
#define LAS_DESCRIPTOR_PATH 32
void las_descriptor_path(int descriptor, char path[LAS_DESCRIPTOR_PATH]);

/// The file system that the sandbox sees. Returns -1 with errno set.
int las_settle_mounts(const struct las_sandbox *sandbox, int *stage, int *index);
