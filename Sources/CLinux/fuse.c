#define _GNU_SOURCE
#include "clinux_fuse.h"
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int las_own_user_namespace(void) {
    struct las_sandbox own;
    memset(&own, 0, sizeof own);
    own.namespaces = LAS_NAMESPACE_USER;
    own.outside_user = geteuid();
    own.outside_group = getegid();
    // A thread that was waited for may still be about to vanish.
    for (int attempt = 0; unshare(CLONE_NEWUSER | CLONE_NEWNS); attempt++) {
        if (errno != EINVAL || attempt == 20) return -1;
        usleep(500);
    }
    int stage = 0, index = 0;
    if (las_settle_namespaces(&own, &stage, &index)) return -1;
    // What the machine unmounts is not held by us, and what we mount does not appear outside.
    return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL);
}

static int mount_fuse(const char *folder, int *device, int *stage, unsigned long flags, uid_t user, gid_t group) {
    *stage = LAS_FUSE_DEVICE;
    // The kernel takes it only from who opened it in the same user namespace.
    *device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (*device < 0) return -1;
    *stage = LAS_FUSE_MOUNT;
    char options[128];
    snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=%u,group_id=%u,default_permissions", *device,
             (unsigned)user, (unsigned)group);
    if (mount("las", folder, "fuse", flags | MS_NOSUID | MS_NODEV, options) == 0) return 0;
    int error = errno;
    close(*device);
    *device = -1;
    errno = error;
    return -1;
}

int las_mount_fuse(const char *folder, int *device, int *stage) {
    return mount_fuse(folder, device, stage, MS_RDONLY, 0, 0);
}

int las_mount_fuse_writable(const char *folder, int *device, int *stage) {
    return mount_fuse(folder, device, stage, 0, geteuid(), getegid());
}

int las_fuse_greet(const void *greeting, size_t size, uint32_t wanted, struct fuse_init_out *answer) {
    // Older kernels give fewer fields than the newest ones: version, subversion, how far ahead it reads, features.
    uint32_t fields[4];
    memset(answer, 0, sizeof *answer);
    if (size < sizeof fields) return EPROTO;
    memcpy(fields, greeting, sizeof fields);
    answer->major = 7;
    answer->minor = 31;
    // A newer one asks again, as this version does.
    if (fields[0] > 7) return 0;
    if (fields[0] < 7 || fields[1] < 23) return EPROTO;
    answer->max_readahead = fields[2];
    answer->flags = fields[3] & wanted;
    answer->max_background = 64;
    answer->congestion_threshold = 48;
    return 0;
}

int las_try_fuse(int *stage) {
    // Told by the exit code: twice the error number and the stage.
    pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) {
        int device = -1, at = LAS_FUSE_DEVICE;
        if (las_own_user_namespace() || las_mount_fuse("/", &device, &at)) _exit((errno & 0x7f) << 1 | at);
        _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return errno;
    if (!WIFEXITED(status)) return EIO;
    *stage = WEXITSTATUS(status) & 1;
    return WEXITSTATUS(status) >> 1;
}

int las_fork(void) { return fork(); }

int las_stand_alone(const int *kept, int kept_count, const char *const *folders, int folder_count) {
    setsid();
    prctl(PR_SET_NAME, "las-images", 0, 0, 0);
    // With mounts of its own that lack the images nothing of it keeps them mounted: they go with who uses them.
    if (unshare(CLONE_NEWNS)) return -1;
    for (int i = 0; i < folder_count; i++)
        if (umount2(folders[i], MNT_DETACH)) return -1;
    if (chdir("/")) return -1;
    int none = open("/dev/null", O_RDWR);
    if (none < 0) return -1;
    for (int i = 0; i < 3; i++)
        if (dup2(none, i) < 0) return -1;
    long limit = sysconf(_SC_OPEN_MAX);
    // From the lowest kept one to the next; what lies beyond the last of them goes too.
    int from = 3;
    for (;;) {
        int next = -1;
        for (int i = 0; i < kept_count; i++)
            if (kept[i] >= from && (next < 0 || kept[i] < next)) next = kept[i];
        if (syscall(SYS_close_range, (unsigned)from, next < 0 ? ~0u : (unsigned)next - 1, 0u)) {
            if (errno != ENOSYS && !(errno == EINVAL && next == from)) return -1;
            if (errno == ENOSYS)
                for (int number = from; number < (next < 0 ? limit : next); number++) close(number);
        }
        if (next < 0) return 0;
        from = next + 1;
    }
}
