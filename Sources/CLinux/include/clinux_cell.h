#pragma once
// A sandbox that stays for one program after another, as long as each leaves nothing behind.

#include "clinux_sandbox.h"

/// Makes `las_sandbox_launch` start no program but process 1 of a sandbox with a pid namespace, which starts those that it is asked for
/// by `las_cell_start`. It has given up its rights by then, so that programs need not each do so: nothing can be mounted any more.
/// `launched.lifeline` is the way to ask. Without `looks` nothing is looked for between programs but their processes.
void las_sandbox_stays(struct las_sandbox *sandbox, int looks);

/// Starts a program in it: `sandbox` says its paths, arguments, variables and streams, and nothing else. One at a time.
/// Returns 0, else -1 with `failure` filled in.
int las_cell_start(int channel, const struct las_sandbox *sandbox, struct las_launch_failure *failure);

/// Waits for the program's end, and of all that it has started.
/// `is_clean`: whether nothing is left of it but files, so that another one may be started; where nobody looks, always.
/// Returns 0, or an error number: the sandbox has ended then.
int las_cell_wait(int channel, int *status, struct las_usage *usage, int *is_clean);
