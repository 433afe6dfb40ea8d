#pragma once
// Images served by a process of our own, through the kernel's FUSE.

#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>

/// A user namespace of the process's own, in which it is user 0, and a mount namespace. Before any thread is started: a
/// process of several can't. Returns 0, or -1 with errno set.
int las_own_user_namespace(void);

/// Mounts a file system of FUSE on the folder, read-only, nosuid, nodev; who reads requests from `*device` answers for it.
/// In a user namespace of the process's own. Returns 0, or -1 with errno set and `stage` told.
enum las_fuse_stage { LAS_FUSE_DEVICE, LAS_FUSE_MOUNT };
int las_mount_fuse(const char *folder, int *device, int *stage);

/// The same for a file system that can be written to, shown to this user alone.
int las_mount_fuse_writable(const char *folder, int *device, int *stage);

/// Answers the kernel's greeting to a server of a FUSE mount with what all of ours have in common: of the features wanted
/// those that the kernel knows, and how many requests may wait. How much is read and written at once the server adds.
/// Returns 0, or the number of the error that is the answer.
int las_fuse_greet(const void *greeting, size_t size, uint32_t wanted, struct fuse_init_out *answer);

/// Whether FUSE can be used by this user: 0, or the error number, with `stage` told. Tried in a process of its own.
int las_try_fuse(int *stage);

/// As fork. Before any thread is started.
int las_fork(void);

/// In the child: a session and mounts of its own without these folders, nothing open but the descriptors that are named.
int las_stand_alone(const int *kept, int kept_count, const char *const *folders, int folder_count);
