#define _GNU_SOURCE
#include "beside.h"
#include "clinux_images.h"
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int las_own_mounts(void) {
    if (unshare(CLONE_NEWNS)) return -1;
    return mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
}

/// Kernels before 5.8 lack LOOP_CONFIGURE.
static int configure_in_steps(int device, int file, const struct loop_info64 *information) {
    if (ioctl(device, LOOP_SET_FD, file)) return -1;
    if (ioctl(device, LOOP_SET_STATUS64, information) == 0) return 0;
    int error = errno;
    ioctl(device, LOOP_CLR_FD, 0);
    errno = error;
    return -1;
}

static int configure(int device, int file, int64_t offset, int64_t size) {
    struct loop_config config;
    memset(&config, 0, sizeof config);
    config.fd = (uint32_t)file;
    config.info.lo_offset = (uint64_t)offset;
    config.info.lo_sizelimit = (uint64_t)size;
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    if (ioctl(device, LOOP_CONFIGURE, &config) == 0) return 0;
    if (errno != EINVAL && errno != ENOTTY) return -1;
    return configure_in_steps(device, file, &config.info);
}

/// A free device with the file behind it; another process may take the free one first, then the next is tried.
static int loop_device(int file, int64_t offset, int64_t size, char path[64], int *stage) {
    *stage = LAS_MOUNT_LOOP_CONTROL;
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return -1;
    int device = -1;
    for (int attempt = 0; attempt < 64 && device < 0; attempt++) {
        *stage = LAS_MOUNT_LOOP_CONTROL;
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0) break;
        *stage = LAS_MOUNT_LOOP;
        snprintf(path, 64, "/dev/loop%d", number);
        device = open(path, O_RDONLY | O_CLOEXEC);
        if (device < 0) break;
        if (configure(device, file, offset, size) == 0) break;
        int error = errno;
        close(device);
        device = -1;
        errno = error;
        if (error != EBUSY) break;
    }
    int error = errno;
    close(control);
    errno = error;
    return device;
}

int las_mount_image(const char *file, int64_t offset, int64_t size, const char *folder, int *stage) {
    if (las_place_mount_beside(file, offset, size, folder) == 0) return 0;
    *stage = LAS_MOUNT_FILE;
    int image = open(file, O_RDONLY | O_CLOEXEC);
    if (image < 0) return -1;
    char path[64];
    int device = loop_device(image, offset, size, path, stage);
    int error = errno;
    close(image);
    if (device < 0) {
        errno = error;
        return -1;
    }
    *stage = LAS_MOUNT_SQUASHFS;
    int mounted = mount(path, folder, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
    error = errno;
    // The mount holds the device from here on; without one it is let go of now.
    close(device);
    errno = error;
    return mounted;
}

int las_try_loop(int control) { return ioctl(control, LOOP_CTL_GET_FREE) < 0 ? -1 : 0; }

int las_mount_memory(const char *folder) {
    return mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64m");
}

int las_unmount(const char *folder) { return umount2(folder, MNT_DETACH); }

int las_open_in(const char *root, const char *path) {
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int found = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    int error = errno;
    close(folder);
    errno = error;
    return found;
}

#if defined(__x86_64__)
static long put(const char *path, const char *text) {
    long file = las_ask(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CLOEXEC, 0, 0);
    if (file < 0) return file;
    long length = (long)strlen(text), written = las_ask(SYS_write, file, (long)text, length, 0, 0);
    las_ask(SYS_close, file, 0, 0, 0, 0);
    return written < 0 ? written : written == length ? 0 : -EIO;
}

static char own_maps[2][32];

/// As las_try_namespaces(1), and nothing but system calls: all memory is the caller's. What is the memory's, whether it is dumpable, stays.
static int try_beside(void *nothing) {
    (void)nothing;
    long error = las_ask(SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0);
    if (!error) {
        error = put("/proc/self/setgroups", "deny");
        if (error == -ENOENT) error = 0;
    }
    if (!error) error = put("/proc/self/uid_map", own_maps[0]);
    if (!error) error = put("/proc/self/gid_map", own_maps[1]);
    if (!error) error = las_ask(SYS_unshare, CLONE_NEWNS | CLONE_NEWPID, 0, 0, 0, 0);
    if (!error) error = las_ask(SYS_mount, 0, (long)"/", 0, MS_PRIVATE | MS_REC, 0);
    las_ask(SYS_exit_group, -error & 0xff, 0, 0, 0, 0);
    __builtin_unreachable();
}
#endif

/// The process that tries, from its start until its answer is taken.
static pid_t trying = 0;

void las_begin_trying_namespaces(void) {
#if defined(__x86_64__)
    if (trying > 0) return;
    static _Alignas(64) char stack[16 << 10];
    snprintf(own_maps[0], sizeof own_maps[0], "0 %u 1", geteuid());
    snprintf(own_maps[1], sizeof own_maps[1], "0 %u 1", getegid());
    trying = clone(try_beside, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
#endif
}

static int end_of(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

int las_try_namespaces(int of_user) {
    if (of_user && trying > 0) {
        pid_t child = trying;
        trying = 0;
        if (end_of(child) == 0) return 0;
        // Again, in memory of its own: of a process that is not dumpable the maps belong to the machine's root.
    }
    struct las_sandbox probe;
    memset(&probe, 0, sizeof probe);
    probe.namespaces = LAS_NAMESPACE_USER;
    probe.outside_user = geteuid();
    probe.outside_group = getegid();
    // The memory is shared with the child, which is quick; what it does is system calls only.
    pid_t child = vfork();
    if (child < 0) return errno;
    if (child == 0) {
        int stage = 0, index = 0;
        if (of_user && (unshare(CLONE_NEWUSER) || las_settle_namespaces(&probe, &stage, &index))) _exit(errno);
        // Mounts are what the rights inside are needed for: some systems grant the namespace, but no rights in it.
        if (unshare(CLONE_NEWNS | CLONE_NEWPID) || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL)) _exit(errno);
        _exit(0);
    }
    return end_of(child);
}
