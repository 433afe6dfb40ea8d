#pragma once
// A sandbox as data, gathered before clone; and its launch.

#include "clinux_filter.h"
#include <stdint.h>

enum las_namespace {
    LAS_NAMESPACE_USER = 1,
    LAS_NAMESPACE_MOUNT = 2,
    LAS_NAMESPACE_PID = 4,
    LAS_NAMESPACE_IPC = 8,
    LAS_NAMESPACE_UTS = 16,
    LAS_NAMESPACE_NETWORK = 32,
};

enum las_step_kind {
    LAS_STEP_BIND,
    LAS_STEP_TMPFS,
    LAS_STEP_PROC,
    LAS_STEP_DEVICES,
    LAS_STEP_FOLDER,
    LAS_STEP_LINK,
    /// A device of the caller's, `source`, in a place of the same name or another.
    LAS_STEP_DEVICE,
};

/// What was being done when a launch failed.
enum las_stage {
    LAS_STAGE_NONE,
    /// Memory, pipes, clone: in the caller.
    LAS_STAGE_PIPES,
    LAS_STAGE_CLONE,
    /// Going into the control group: `index` says which.
    LAS_STAGE_GROUP,
    LAS_STAGE_DESCRIPTORS,
    LAS_STAGE_USER_MAP,
    LAS_STAGE_PROPAGATION,
    LAS_STAGE_ROOT,
    LAS_STAGE_OVER,
    /// A step of the plan: `index` says which.
    LAS_STAGE_STEP,
    LAS_STAGE_PIVOT,
    LAS_STAGE_HOST_NAME,
    LAS_STAGE_FORK,
    LAS_STAGE_LIMIT,
    LAS_STAGE_WORK_FOLDER,
    LAS_STAGE_PRIVILEGES,
    LAS_STAGE_FILTER,
    LAS_STAGE_EXEC,
};

struct las_launch_failure {
    int32_t stage;
    int32_t index;
    int32_t error;
};

struct las_launched {
    int32_t pid;
    /// -1 where the kernel has none.
    int32_t pidfd;
    /// Holds the wait status of the program and what it used once it has ended; ends with the sandbox. -1 without a pid namespace.
    int32_t status;
    /// The sandbox ends when this is closed. -1 without a pid namespace.
    int32_t lifeline;
    /// Whether `pid` is a keeper, in no pid namespace of its own.
    int32_t kept;
};

struct las_sandbox;

/// NULL when memory is short, as for the others that add: they return -1.
struct las_sandbox *las_sandbox_new(uint32_t namespaces);
void las_sandbox_free(struct las_sandbox *sandbox);

int las_sandbox_root(struct las_sandbox *sandbox, const char *root, int read_only);
/// The root is written to, and what is written goes into a layer over it: `folder` has two empty folders, `upper` and `work`.
int las_sandbox_over(struct las_sandbox *sandbox, const char *folder);
/// `makes`: whether a mount point that is missing is made.
int las_sandbox_step(struct las_sandbox *sandbox, enum las_step_kind kind, const char *source, const char *target,
                     uint32_t mode, int read_only, int makes);
int las_sandbox_filter(struct las_sandbox *sandbox, const struct las_filter_instruction *program, size_t length);
/// A control group's folder that all of the sandbox is put into: an open descriptor of the caller's.
int las_sandbox_group(struct las_sandbox *sandbox, int folder);
int las_sandbox_limit(struct las_sandbox *sandbox, int resource, uint64_t value);
/// Without a pid namespace: a process in between ends all that the program leaves behind.
/// `reaches_network`: whether `las_sandbox_reach` leaves TCP alone.
void las_sandbox_keeper(struct las_sandbox *sandbox, int reaches_network);
/// For a sandbox without a root of its own: only what was named so can be reached, where the kernel can see to that
/// (`las_reach_version`).
int las_sandbox_reach(struct las_sandbox *sandbox, const char *path, int writable);
/// The kernel's version of Landlock, by which that is done; 0 without.
int las_reach_version(void);
/// A path to try as the program, in the order of adding.
int las_sandbox_program(struct las_sandbox *sandbox, const char *path);
int las_sandbox_argument(struct las_sandbox *sandbox, const char *text);
int las_sandbox_variable(struct las_sandbox *sandbox, const char *assignment);
int las_sandbox_host_name(struct las_sandbox *sandbox, const char *name);
int las_sandbox_work_folder(struct las_sandbox *sandbox, const char *path);
/// Descriptors that become 0, 1 and 2; -1 for /dev/null.
void las_sandbox_streams(struct las_sandbox *sandbox, int input, int output, int error);
void las_sandbox_modes(struct las_sandbox *sandbox, int drops_capabilities, uint32_t umask);

/// Puts the calling thread into a network namespace of its own, in which nothing but an unused 127.0.0.1 is: to start a sandbox there that
/// needs none of its own. The same again for the thread's next one, where nothing is left of the one before, whose processes must have ended.
/// `may_stay`: whether the thread may be there for good, where it could not come back.
/// Returns -1 where this user may not, and where it is not known whether anything is left.
int las_enter_network(int may_stay);
/// Back to the network that the thread was in.
void las_leave_network(void);

/// Returns 0 when the program was started (its exec succeeded), else -1 with `failure` filled in.
int las_sandbox_launch(struct las_sandbox *sandbox, struct las_launched *launched, struct las_launch_failure *failure);

/// Sends a signal to the sandbox that `launched` tells of.
int las_sandbox_signal(const struct las_launched *launched, int signal);
/// What a program and those that it waited for have used.
struct las_usage {
    int64_t user_microseconds;
    int64_t system_microseconds;
    /// Bytes that the largest of them had in memory at once; no less than what the caller had at the launch.
    int64_t peak_memory;
    /// Bytes below which that says nothing: what its first process had in memory before it was the program. 0 where that is not known.
    int64_t floor_memory;
};

/// Waits for its end, and gives the wait status of its program and what it used. Returns 0, or an error number.
int las_sandbox_wait(const struct las_launched *launched, int *status, struct las_usage *usage);
