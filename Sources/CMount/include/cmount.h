#pragma once

/* What a folder that is shown by FUSE asks of who shows it. */
struct las_mount {
    /* Passed to the functions. */
    void *context;
    /* Something was changed through it; called when a file that was written is closed. */
    void (*changed)(void *context);
    /* The value of an extended attribute of a file, a path without "/" at its beginning, as malloc gave it; NULL for none. */
    char *(*attribute)(void *context, const char *path, const char *name);
};

/* The names of the extended attributes that files may have, each ended by 0. */
#define LAS_MOUNT_PLACES "user.las.places"
#define LAS_MOUNT_VERSION "user.las.version"
#define LAS_MOUNT_SHA256 "user.las.sha256"

/*
 * Shows the folder of this descriptor at a path, until a signal or somebody unmounts it. Links in the folder are shown and never followed.
 *
 * ready is called when it is shown. Returns 0, or an errno.
 */
int las_mount_show(int folder, const char *path, const char *name, const struct las_mount *mount,
                   void (*ready)(void *context));

/* Ends such a showing; by force also one whose process is gone, or that is in use. Returns 0, or an errno. */
int las_mount_end(const char *path, int force);
