#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#define _FILE_OFFSET_BITS 64
#include "cmount.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct shown {
    int folder;
    const struct las_mount *mount;
    void (*ready)(void *context);
};

static struct shown *shown(void) { return fuse_get_context()->private_data; }

static void changed(void) { shown()->mount->changed(shown()->mount->context); }

static const char *inside(const char *path) { return path[1] ? path + 1 : "."; }

/* Whoever writes to the folder may make a link of a part of a path at any moment: nothing is opened through one. */
static int open_beneath(const char *path, int flags, mode_t mode) {
    struct open_how how = {
        .flags = (unsigned long long)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    int opened = (int)syscall(SYS_openat2, shown()->folder, path, &how, sizeof how);
    return opened < 0 ? -errno : opened;
}

/* The folder that the last part of a path lies in, which is closed by the caller; or a negative errno. */
static int parent(const char *path, const char **last) {
    path = inside(path);
    const char *slash = strrchr(path, '/');
    *last = slash ? slash + 1 : path;
    if (!slash) return open_beneath(".", O_RDONLY | O_DIRECTORY, 0);
    char *above = strndup(path, (size_t)(slash - path));
    if (!above) return -ENOMEM;
    int folder = open_beneath(above, O_RDONLY | O_DIRECTORY, 0);
    free(above);
    return folder;
}

/* Closes the folder; what a call said, as FUSE wants it. */
static int done(int folder, int result) {
    int error = result < 0 ? errno : 0;
    close(folder);
    return -error;
}

static int done_changing(int folder, int result) {
    int told = done(folder, result);
    if (!told) changed();
    return told;
}

static int do_getattr(const char *path, struct stat *status, struct fuse_file_info *info) {
    if (info) return fstat((int)info->fh, status) ? -errno : 0;
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    return done(folder, fstatat(folder, last, status, AT_SYMLINK_NOFOLLOW));
}

static int do_readlink(const char *path, char *buffer, size_t size) {
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    ssize_t count = readlinkat(folder, last, buffer, size - 1);
    if (count >= 0) buffer[count] = 0;
    return done(folder, (int)count);
}

static int do_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags) {
    (void)offset, (void)info, (void)flags;
    int folder = open_beneath(inside(path), O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0) return folder;
    DIR *stream = fdopendir(folder);
    if (!stream) return done(folder, -1);
    for (struct dirent *entry; (entry = readdir(stream));) {
        struct stat status = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
        if (fill(buffer, entry->d_name, &status, 0, 0)) break;
    }
    closedir(stream);
    return 0;
}

static int do_mkdir(const char *path, mode_t mode) {
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    return done_changing(folder, mkdirat(folder, last, mode));
}

static int do_unlink(const char *path) {
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    return done_changing(folder, unlinkat(folder, last, 0));
}

static int do_rmdir(const char *path) {
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    return done_changing(folder, unlinkat(folder, last, AT_REMOVEDIR));
}

static int do_symlink(const char *target, const char *path) {
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    return done_changing(folder, symlinkat(target, folder, last));
}

static int do_rename(const char *from, const char *to, unsigned int flags) {
    const char *old, *new;
    int source = parent(from, &old);
    if (source < 0) return source;
    int target = parent(to, &new);
    if (target < 0) {
        close(source);
        return target;
    }
    int told = done(target, (int)syscall(SYS_renameat2, source, old, target, new, flags));
    close(source);
    if (!told) changed();
    return told;
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
    if (info) {
        if (fchmod((int)info->fh, mode)) return -errno;
        changed();
        return 0;
    }
    int file = open_beneath(inside(path), O_RDONLY | O_NONBLOCK, 0);
    if (file < 0) return file;
    return done_changing(file, fchmod(file, mode));
}

/* Owners are nobody's in a workspace. */
static int do_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info) {
    (void)path, (void)info;
    return (user == (uid_t)-1 || user == geteuid()) && (group == (gid_t)-1 || group == getegid()) ? 0 : -EPERM;
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *info) {
    if (info) return ftruncate((int)info->fh, size) ? -errno : 0;
    int file = open_beneath(inside(path), O_WRONLY | O_NONBLOCK, 0);
    if (file < 0) return file;
    return done_changing(file, ftruncate(file, size));
}

static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
    if (info) return futimens((int)info->fh, times) ? -errno : 0;
    const char *last;
    int folder = parent(path, &last);
    if (folder < 0) return folder;
    return done(folder, utimensat(folder, last, times, AT_SYMLINK_NOFOLLOW));
}

static int do_open(const char *path, struct fuse_file_info *info) {
    int file = open_beneath(inside(path), (info->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NONBLOCK, 0);
    if (file < 0) return file;
    info->fh = (uint64_t)file;
    return 0;
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *info) {
    int file = open_beneath(inside(path), info->flags | O_CREAT | O_NONBLOCK, mode & 0777);
    if (file < 0) return file;
    info->fh = (uint64_t)file;
    return 0;
}

static int do_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)path;
    ssize_t count = pread((int)info->fh, buffer, size, offset);
    return count < 0 ? -errno : (int)count;
}

static int do_write(const char *path, const char *buffer, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)path;
    ssize_t count = pwrite((int)info->fh, buffer, size, offset);
    return count < 0 ? -errno : (int)count;
}

static int do_fsync(const char *path, int data, struct fuse_file_info *info) {
    (void)path;
    return (data ? fdatasync((int)info->fh) : fsync((int)info->fh)) ? -errno : 0;
}

static int do_release(const char *path, struct fuse_file_info *info) {
    (void)path;
    close((int)info->fh);
    if ((info->flags & O_ACCMODE) != O_RDONLY) changed();
    return 0;
}

static int do_statfs(const char *path, struct statvfs *status) {
    (void)path;
    return fstatvfs(shown()->folder, status) ? -errno : 0;
}

static int do_getxattr(const char *path, const char *name, char *value, size_t size) {
    char *text = shown()->mount->attribute(shown()->mount->context, path + 1, name);
    if (!text) return -ENODATA;
    size_t length = strlen(text);
    int told = size && size < length ? -ERANGE : (int)length;
    if (size && told >= 0) memcpy(value, text, length);
    free(text);
    return told;
}

static int do_listxattr(const char *path, char *list, size_t size) {
    static const char names[] = LAS_MOUNT_PLACES "\0" LAS_MOUNT_VERSION "\0" LAS_MOUNT_SHA256;
    static const char *each[] = {LAS_MOUNT_PLACES, LAS_MOUNT_VERSION, LAS_MOUNT_SHA256};
    char found[sizeof names];
    size_t length = 0;
    for (int i = 0; i < 3; i++) {
        char *text = shown()->mount->attribute(shown()->mount->context, path + 1, each[i]);
        if (!text) continue;
        free(text);
        memcpy(found + length, each[i], strlen(each[i]) + 1);
        length += strlen(each[i]) + 1;
    }
    if (size && size < length) return -ERANGE;
    if (size) memcpy(list, found, length);
    return (int)length;
}

static void *do_init(struct fuse_conn_info *connection, struct fuse_config *config) {
    (void)connection;
    // Others change what lies there at any time.
    config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
    config->auto_cache = 1;
    config->use_ino = 1;
    config->nullpath_ok = 0;
    shown()->ready(shown()->mount->context);
    return shown();
}

static const struct fuse_operations operations = {
    .init = do_init,           .getattr = do_getattr,   .readlink = do_readlink,   .readdir = do_readdir,
    .mkdir = do_mkdir,         .unlink = do_unlink,     .rmdir = do_rmdir,         .symlink = do_symlink,
    .rename = do_rename,       .chmod = do_chmod,       .chown = do_chown,         .truncate = do_truncate,
    .utimens = do_utimens,     .open = do_open,         .create = do_create,       .read = do_read,
    .write = do_write,         .fsync = do_fsync,       .release = do_release,     .statfs = do_statfs,
    .getxattr = do_getxattr,   .listxattr = do_listxattr,
};

static struct fuse *volatile ending;
static pthread_t serving;

/* It has to reach the thread that waits for the kernel, whichever gets it. */
static void end_showing(int signal) {
    if (ending) fuse_exit(ending);
    if (!pthread_equal(pthread_self(), serving)) pthread_kill(serving, signal);
}

/* Serves until a signal, or until somebody unmounts it. */
static int serve(struct fuse *fuse) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[3], action = {.sa_handler = end_showing};
    sigset_t set, mask;
    sigemptyset(&set);
    serving = pthread_self();
    ending = fuse;
    for (int i = 0; i < 3; i++) {
        sigaddset(&set, signals[i]);
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
    }
    pthread_sigmask(SIG_UNBLOCK, &set, &mask);
    int result = fuse_loop(fuse);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    for (int i = 0; i < 3; i++) sigaction(signals[i], &before[i], NULL);
    ending = NULL;
    return result < 0 ? -result : 0;
}

int las_mount_show(int folder, const char *path, const char *name, const struct las_mount *mount,
                   void (*ready)(void *context)) {
    struct shown self = {folder, mount, ready};
    char options[512];
    // Without fusermount3 only root can mount, and nobody is there to unmount it after a crash.
    int helped = access("/usr/bin/fusermount3", X_OK) == 0 || access("/bin/fusermount3", X_OK) == 0;
    snprintf(options, sizeof options, "fsname=las:%.100s,subtype=las,default_permissions%s", name,
             helped ? ",auto_unmount" : "");
    char *words[] = {"las", "-o", options, NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
    errno = 0;
    struct fuse *fuse = fuse_new(&arguments, &operations, sizeof operations, &self);
    int error = 0;
    if (!fuse) {
        error = errno ? errno : EINVAL;
    } else if (fuse_mount(fuse, path)) {
        error = errno ? errno : EPERM;
        fuse_destroy(fuse);
    } else {
        error = serve(fuse);
        fuse_unmount(fuse);
        fuse_destroy(fuse);
    }
    fuse_opt_free_args(&arguments);
    return error;
}

int las_mount_end(const char *path, int force) {
    if (umount2(path, force ? MNT_DETACH : 0) == 0) return 0;
    int error = errno;
    if (error != EPERM) return error;
    char *words[] = {"fusermount3", "-u", force ? "-z" : (char *)path, force ? (char *)path : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t process;
    int refused = posix_spawnp(&process, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (refused) return refused;
    int status;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}
