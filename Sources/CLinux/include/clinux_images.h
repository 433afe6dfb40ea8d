#pragma once
// Images mounted by the kernel.

#include <stdint.h>

/// A mount namespace of the process's own, from which nothing spreads. Before any thread is started.
int las_own_mounts(void);

/// Mounts the squashfs image at `offset` of the file on the folder, read-only, nosuid, nodev, through a loop device that
/// goes with the mount. Returns 0, or -1 with errno set and `stage` told.
enum las_mount_stage { LAS_MOUNT_FILE, LAS_MOUNT_LOOP_CONTROL, LAS_MOUNT_LOOP, LAS_MOUNT_SQUASHFS };
int las_mount_image(const char *file, int64_t offset, int64_t size, const char *folder, int *stage);
/// Begins to mount one beside what the caller does: las_mount_image of the same slice gives it its place. What fails of it is done again there.
/// The path must say the same file until then. Nothing is in any namespace before.
void las_begin_mounting_image(const char *file, int64_t offset, int64_t size);
/// Gives its place to what was begun. Returns 0, or -1 where something else was begun, or it failed.
int las_place_mount_beside(const char *file, int64_t offset, int64_t size, const char *folder);
/// Undoes what was begun and got no place.
void las_forget_mounting_image(void);
/// Whether the descriptor of /dev/loop-control gives a device: 0, or -1 with errno set.
int las_try_loop(int control);
/// An empty file system in memory. Returns 0, or -1 with errno set.
int las_mount_memory(const char *folder);
int las_unmount(const char *folder);
/// Opens what lies at `path` below the folder `root` as if that were `/`, to be read: links are followed inside it. Returns a descriptor, or -1
/// with errno set, also on kernels before 5.6.
int las_open_in(const char *root, const char *path);

/// Whether this user may have mounts and process ids of its own, with `of_user` in a user namespace: 0, or the error number.
int las_try_namespaces(int of_user);
/// Begins to find out whether in a user namespace, beside what the caller does: the next las_try_namespaces(1) takes the answer. Before any thread
/// is started.
void las_begin_trying_namespaces(void);
