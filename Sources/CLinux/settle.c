#define _GNU_SOURCE
#include "launch.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(struct las_filter_instruction) == sizeof(struct sock_filter), "the kernel's own layout");

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t length = (ssize_t)strlen(text);
    ssize_t written = write(file, text, (size_t)length);
    int error = errno;
    close(file);
    errno = written < 0 ? error : EIO;
    return written == length ? 0 : -1;
}

/// "0 OUTSIDE 1"
static void map_line(char line[32], unsigned outside) {
    char digits[12];
    int count = 0;
    do digits[count++] = (char)('0' + outside % 10);
    while ((outside /= 10) > 0);
    char *end = line;
    *end++ = '0';
    *end++ = ' ';
    while (count > 0) *end++ = digits[--count];
    memcpy(end, " 1", 3);
}

/// The user of the caller is user 0 inside. One id is all that a user may map without help.
static int settle_user(const struct las_sandbox *sandbox) {
    char line[32];
    // Of a process that is not dumpable the maps belong to the machine's root.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (write_file("/proc/self/setgroups", "deny") && errno != ENOENT) return -1;
    map_line(line, sandbox->outside_user);
    if (write_file("/proc/self/uid_map", line)) return -1;
    map_line(line, sandbox->outside_group);
    return write_file("/proc/self/gid_map", line);
}

/// 127.0.0.1 works in a network namespace of its own too; where not, programs do without.
void las_raise_loopback(void) {
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0) return;
    struct ifreq request = {0};
    memcpy(request.ifr_name, "lo", 3);
    if (ioctl(handle, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP;
        ioctl(handle, SIOCSIFFLAGS, &request);
    }
    close(handle);
}

int las_settle_namespaces(const struct las_sandbox *sandbox, int *stage, int *index) {
    *stage = LAS_STAGE_USER_MAP;
    if (sandbox->namespaces & LAS_NAMESPACE_USER && settle_user(sandbox)) return -1;
    if (sandbox->namespaces & LAS_NAMESPACE_NETWORK) las_raise_loopback();
    *stage = LAS_STAGE_HOST_NAME;
    if (sandbox->host_name && sandbox->namespaces & LAS_NAMESPACE_UTS &&
        sethostname(sandbox->host_name, strlen(sandbox->host_name)))
        return -1;
    if (sandbox->namespaces & LAS_NAMESPACE_MOUNT) return las_settle_mounts(sandbox, stage, index);
    return 0;
}

static int set_limit(const struct limit *limit) {
    struct rlimit now;
    if (getrlimit(limit->resource, &now)) return -1;
    // What the caller may not exceed either is no reason not to start.
    rlim_t value = limit->value < now.rlim_max ? limit->value : now.rlim_max;
    struct rlimit wanted = {value, value};
    return setrlimit(limit->resource, &wanted);
}

/// None now, and none by any exec: user 0 is a name only.
static int drop_capabilities(void) {
    for (unsigned long capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno == EINVAL) break;
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    return (int)syscall(SYS_capset, &header, none);
}

int las_reach_version(void) {
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

// Landlock's rights by the version that brought them; the headers may be older than the kernel.
#define REACH_FILES_1 ((1ull << 13) - 1)
#define REACH_REFER (1ull << 13)
#define REACH_TRUNCATE (1ull << 14)
#define REACH_DEVICES (1ull << 15)
#define REACH_TCP 3ull
#define REACH_OUTSIDE 3ull
/// To execute, and to read files and folders.
#define REACH_READING ((1ull << 0) | (1ull << 2) | (1ull << 3))
/// What may be said of a file that is no folder.
#define REACH_OF_FILES ((1ull << 0) | (1ull << 1) | (1ull << 2) | REACH_TRUNCATE | REACH_DEVICES)

/// Only what the sandbox names is reached from here on: files, and from the sixth version on signals and abstract sockets.
static int settle_reach(const struct las_sandbox *sandbox) {
    int version = las_reach_version();
    if (!sandbox->reach_count || version < 1) return 0;
    struct {
        uint64_t files, network, scoped;
    } wanted = {REACH_FILES_1, 0, 0};
    if (version >= 2) wanted.files |= REACH_REFER;
    if (version >= 3) wanted.files |= REACH_TRUNCATE;
    if (version >= 4 && !sandbox->reaches_network) wanted.network = REACH_TCP;
    if (version >= 5) wanted.files |= REACH_DEVICES;
    if (version >= 6) wanted.scoped = REACH_OUTSIDE;
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int rules = (int)syscall(__NR_landlock_create_ruleset, &wanted, size, 0);
    if (rules < 0) return -1;
    for (size_t i = 0; i < sandbox->reach_count; i++) {
        int place = open(sandbox->reaches[i].path, O_PATH | O_CLOEXEC);
        if (place < 0 && errno == ENOENT) continue;
        if (place < 0) return -1;
        struct stat status;
        if (fstat(place, &status)) return -1;
        struct landlock_path_beneath_attr rule = {
            .allowed_access = sandbox->reaches[i].writable ? wanted.files : REACH_READING, .parent_fd = place};
        if (!S_ISDIR(status.st_mode)) rule.allowed_access &= REACH_OF_FILES & wanted.files;
        if (syscall(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)) return -1;
        close(place);
    }
    int done = (int)syscall(__NR_landlock_restrict_self, rules, 0);
    close(rules);
    return done;
}

int las_settle_rights(const struct las_sandbox *sandbox, int *stage, int *index) {
    umask(sandbox->umask);
    *stage = LAS_STAGE_LIMIT;
    for (size_t i = 0; i < sandbox->limit_count; i++) {
        *index = (int)i;
        if (set_limit(&sandbox->limits[i])) return -1;
    }
    *stage = LAS_STAGE_WORK_FOLDER;
    if (sandbox->work_folder && chdir(sandbox->work_folder)) return -1;
    *stage = LAS_STAGE_PRIVILEGES;
    if (sandbox->drops_capabilities && drop_capabilities()) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    if (settle_reach(sandbox)) return -1;
    *stage = LAS_STAGE_FILTER;
    if (sandbox->filter) {
        struct sock_fprog program = {(unsigned short)sandbox->filter_length, (struct sock_filter *)sandbox->filter};
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)) return -1;
    }
    return 0;
}
