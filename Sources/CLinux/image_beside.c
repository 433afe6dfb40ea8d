#define _GNU_SOURCE
#include "beside.h"
#include "clinux_images.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// To set up a loop device takes the kernel longer than all else that is done for a mount, and most of that is waiting. So it can be begun in a
// process beside, whose mount is in no namespace yet; it gets its place when it is asked for.

#if defined(__x86_64__) && defined(__NR_fsopen)
static struct {
    /// From its start until it was waited for.
    pid_t process;
    const char *file;
    int64_t offset, size;
    struct loop_config config;
    /// The mount; set at the very end.
    volatile int mount;
} beside = {.mount = -1};

static long open_beside(const char *path, int flags) {
    return las_ask(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0, 0);
}

static void close_beside(long descriptor) {
    if (descriptor >= 0) las_ask(SYS_close, descriptor, 0, 0, 0, 0);
}

/// "/dev/loopN"
static void name_device(char path[32], long number) {
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    static const char beginning[] = "/dev/loop";
    char *end = path;
    for (const char *from = beginning; *from; from++) *end++ = *from;
    while (count > 0) *end++ = digits[--count];
    *end = 0;
}

/// A free device with the file behind it, as for those that are mounted at once; it goes with its last user.
static long set_up_device(char path[32]) {
    long control = open_beside("/dev/loop-control", O_RDWR), device = -1;
    for (int attempt = 0; control >= 0 && device < 0 && attempt < 16; attempt++) {
        long number = las_ask(SYS_ioctl, control, LOOP_CTL_GET_FREE, 0, 0, 0);
        if (number < 0) break;
        name_device(path, number);
        device = open_beside(path, O_RDONLY);
        if (device < 0) break;
        long error = las_ask(SYS_ioctl, device, LOOP_CONFIGURE, (long)&beside.config, 0, 0);
        if (!error) break;
        close_beside(device);
        device = -1;
        // Another process was quicker.
        if (error != -EBUSY) break;
    }
    close_beside(control);
    return device;
}

/// Nothing but system calls: memory and descriptors are the caller's. Whatever fails is done, and told, by who mounts without this.
static int mount_beside(void *nothing) {
    (void)nothing;
    char path[32];
    long image = open_beside(beside.file, O_RDONLY), device = -1, made = -1;
    if (image >= 0) {
        beside.config.fd = (uint32_t)image;
        device = set_up_device(path);
    }
    if (device >= 0) made = las_ask(SYS_fsopen, (long)"squashfs", FSOPEN_CLOEXEC, 0, 0, 0);
    if (made >= 0 && !las_ask(SYS_fsconfig, made, FSCONFIG_SET_STRING, (long)"source", (long)path, 0) &&
        !las_ask(SYS_fsconfig, made, FSCONFIG_SET_FLAG, (long)"ro", 0, 0) &&
        !las_ask(SYS_fsconfig, made, FSCONFIG_CMD_CREATE, 0, 0, 0)) {
        long mount = las_ask(SYS_fsmount, made, FSMOUNT_CLOEXEC,
                             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0);
        if (mount >= 0) beside.mount = (int)mount;
    }
    // The mount holds the device from here on; without one it is let go of now.
    close_beside(made);
    close_beside(device);
    close_beside(image);
    las_ask(SYS_exit_group, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

static int wait_for_it(void) {
    if (beside.process <= 0) return -1;
    while (waitpid(beside.process, NULL, 0) < 0 && errno == EINTR) {}
    beside.process = 0;
    return beside.mount;
}

void las_begin_mounting_image(const char *file, int64_t offset, int64_t size) {
    if (beside.process > 0 || beside.mount >= 0) return;
    beside.file = strdup(file);
    if (!beside.file) return;
    beside.offset = offset;
    beside.size = size;
    memset(&beside.config, 0, sizeof beside.config);
    beside.config.info.lo_offset = (uint64_t)offset;
    beside.config.info.lo_sizelimit = (uint64_t)size;
    beside.config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    static _Alignas(64) char stack[16 << 10];
    beside.process = clone(mount_beside, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
}

void las_forget_mounting_image(void) {
    int mount = wait_for_it();
    if (mount >= 0) close(mount);
    beside.mount = -1;
}

int las_place_mount_beside(const char *file, int64_t offset, int64_t size, const char *folder) {
    if (beside.process <= 0 || offset != beside.offset || size != beside.size || strcmp(file, beside.file)) return -1;
    int mount = wait_for_it();
    if (mount < 0) return -1;
    long moved = syscall(SYS_move_mount, mount, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH);
    close(mount);
    beside.mount = -1;
    return moved ? -1 : 0;
}
#else
void las_begin_mounting_image(const char *file, int64_t offset, int64_t size) { (void)file, (void)offset, (void)size; }
void las_forget_mounting_image(void) {}
int las_place_mount_beside(const char *file, int64_t offset, int64_t size, const char *folder) {
    (void)file, (void)offset, (void)size, (void)folder;
    return -1;
}
#endif
