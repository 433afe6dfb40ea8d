#define _GNU_SOURCE
#include "clinux_files.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/vfs.h>
#include <sys/ioctl.h>
#include <errno.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <string.h>
#include <time.h>
#include <sys/xattr.h>
#include <unistd.h>

const int las_open_path = O_PATH;
const int las_open_direct = O_DIRECT;

int las_syncfs(int descriptor) { return syncfs(descriptor); }

int las_clone_file(int source, int target) { return ioctl(target, FICLONE, source); }

int las_clone_range(int source, int64_t source_offset, int target, int64_t target_offset, int64_t count) {
    struct file_clone_range range = {
        .src_fd = source,
        .src_offset = (__u64)source_offset,
        .src_length = (__u64)count,
        .dest_offset = (__u64)target_offset,
    };
    return ioctl(target, FICLONERANGE, &range);
}

long las_copy_file_range(int source, int target, unsigned long count) {
    return copy_file_range(source, NULL, target, NULL, count, 0);
}

ssize_t las_copy_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t count) {
    off_t from = source_offset, to = target_offset;
    return copy_file_range(source, &from, target, &to, count, 0);
}

void las_begin_writing(int descriptor, int64_t offset, int64_t count) {
    sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

ssize_t las_send_file(int socket, int file, int64_t offset, size_t count) {
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    off_t from = offset;
    ssize_t sent = sendfile(socket, file, &from, count);
    int error = errno;
    if (sent < 0 && error == EPIPE && !sigismember(&before, SIGPIPE)) {
        struct timespec none = {0, 0};
        sigtimedwait(&pipe, NULL, &none);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return sent;
}

int las_write_straight(int descriptor, int is_straight) {
    struct statfs system;
    if (is_straight && (fstatfs(descriptor, &system) != 0 || system.f_type != 0xEF53 /* ext4 */)) return -1;
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(descriptor, F_SETFL, is_straight ? flags | O_DIRECT : flags & ~O_DIRECT);
}

int las_reserve(int descriptor, int64_t size) { return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, size); }

int las_rename_new(int from_folder, const char *from, int to_folder, const char *to) {
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 1 /* RENAME_NOREPLACE */);
}

int las_exchange(int one_folder, const char *one, int other_folder, const char *other) {
    return (int)syscall(SYS_renameat2, one_folder, one, other_folder, other, 2 /* RENAME_EXCHANGE */);
}

int las_watcher_new(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }

int las_watcher_add(int watcher, const char *folder) {
    return inotify_add_watch(watcher, folder,
                             IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                                 IN_ONLYDIR | IN_EXCL_UNLINK);
}

int las_watcher_drain(int watcher) {
    char buffer[16384] __attribute__((aligned(8)));
    int told = 0;
    while (1) {
        ssize_t count = read(watcher, buffer, sizeof buffer);
        if (count <= 0) return told;
        if (told == 0) told = 1;
        for (char *p = buffer; p < buffer + count;) {
            struct inotify_event *event = (struct inotify_event *)p;
            if (event->mask & IN_Q_OVERFLOW) told = 2;
            p += sizeof *event + event->len;
        }
    }
}

unsigned int las_file_system(const char *path) {
    struct statfs status;
    return statfs(path, &status) ? 0 : (unsigned int)status.f_type;
}

int las_is_written(int descriptor) {
    // A lease on reading is given only where nobody writes. Who wants to write in this moment waits until it is given back; the
    // signal that would tell of that is not wanted.
    static int ignored;
    if (!__atomic_exchange_n(&ignored, 1, __ATOMIC_RELAXED)) signal(SIGIO, SIG_IGN);
    if (fcntl(descriptor, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(descriptor, F_SETLEASE, F_UNLCK);
        return 0;
    }
    return errno == EAGAIN ? 1 : -1;
}

int las_has_capabilities(const char *path) { return lgetxattr(path, "security.capability", NULL, 0) > 0; }

int las_has_attributes(const char *path) {
    char names[1024];
    ssize_t length = llistxattr(path, names, sizeof names);
    // More than fit here were not made by a system.
    if (length < 0) return errno == ERANGE;
    for (const char *name = names; name < names + length; name += strlen(name) + 1)
        if (!strncmp(name, "user.", 5) || !strncmp(name, "system.posix_acl", 16)) return 1;
    return 0;
}

ssize_t las_attribute_names(const char *path, char *names, size_t size) { return llistxattr(path, names, size); }

ssize_t las_attribute(const char *path, const char *name, void *value, size_t size) {
    return lgetxattr(path, name, value, size);
}

int las_set_attribute(int descriptor, const char *name, const void *value, size_t size) {
    return fsetxattr(descriptor, name, value, size, 0);
}
