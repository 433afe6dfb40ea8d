#define _GNU_SOURCE
#include "launch.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SYS_MOUNT_SETATTR 442

void las_descriptor_path(int descriptor, char path[LAS_DESCRIPTOR_PATH]) {
    static const char beginning[] = "/proc/self/fd/";
    char digits[12];
    int count = 0;
    do digits[count++] = (char)('0' + descriptor % 10);
    while ((descriptor /= 10) > 0);
    memcpy(path, beginning, sizeof beginning - 1);
    char *end = path + sizeof beginning - 1;
    while (count > 0) *end++ = digits[--count];
    *end = 0;
}

/// Kernels before 5.12: one mount, keeping the flags that it has.
static int add_flags_by_remount(int descriptor, unsigned long flags) {
    struct statfs status;
    if (fstatfs(descriptor, &status)) return -1;
    unsigned long kept = (unsigned long)status.f_flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    if (status.f_flags & 0x400) kept |= MS_NOATIME;
    if (status.f_flags & 0x800) kept |= MS_NODIRATIME;
    if (status.f_flags & 0x1000) kept |= MS_RELATIME;
    char path[LAS_DESCRIPTOR_PATH];
    las_descriptor_path(descriptor, path);
    return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | kept | flags, NULL);
}

/// Adds flags to the mount that the descriptor is the top of, and to those below it.
static int add_flags(int descriptor, unsigned long flags, int recursive) {
    struct {
        uint64_t set, clear, propagation, user;
    } attributes = {flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC), 0, 0, 0};
    long done = syscall(SYS_MOUNT_SETATTR, descriptor, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
                        sizeof attributes);
    if (done == 0) return 0;
    if (errno != ENOSYS) return -1;
    return add_flags_by_remount(descriptor, flags);
}

/// Below `root` as if that were `/`: links are followed inside it, and never out of it.
static int open_below(int root, const char *path, int flags) {
    while (*path == '/') path++;
    if (!*path) return openat(root, ".", flags | O_PATH | O_CLOEXEC);
    struct open_how how = {.flags = (uint64_t)(flags | O_PATH | O_CLOEXEC),
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int found = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (found >= 0 || errno != ENOSYS) return found;
    // Kernels before 5.6: name by name, refusing links.
    int here = openat(root, ".", O_PATH | O_CLOEXEC);
    char name[256];
    while (here >= 0 && *path) {
        size_t length = strcspn(path, "/");
        if (length >= sizeof name) {
            close(here);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, length);
        name[length] = 0;
        path += length;
        while (*path == '/') path++;
        if (!strcmp(name, "..")) {
            close(here);
            errno = EXDEV;
            return -1;
        }
        int next = openat(here, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        int error = errno;
        close(here);
        errno = error;
        here = next;
    }
    return here;
}

/// The folder that holds the last name of `path`, and that name.
static int open_above(int root, const char *path, const char **name) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, path, length);
    folder[length] = 0;
    return open_below(root, folder, O_DIRECTORY);
}

/// Makes the folders above `path` where they are missing.
static int make_above(int root, const char *path) {
    char folder[4096];
    if (strlen(path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/') continue;
        memcpy(folder, path, i);
        folder[i] = 0;
        const char *name;
        int above = open_above(root, folder, &name);
        if (above < 0) return -1;
        int made = *name ? mkdirat(above, name, 0755) : 0;
        int error = errno;
        close(above);
        if (made && error != EEXIST) {
            errno = error;
            return -1;
        }
    }
    return 0;
}

/// A folder, or an empty file, at `path`; one that is there is fine.
static int make_at(int root, const char *path, int is_folder, mode_t mode) {
    const char *name;
    int above = open_above(root, path, &name);
    if (above < 0) return -1;
    int made;
    if (is_folder) {
        made = mkdirat(above, name, mode);
    } else {
        made = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (made >= 0) close(made);
    }
    int error = errno;
    close(above);
    errno = error;
    return made < 0 && error != EEXIST ? -1 : 0;
}

static int link_at(int root, const char *path, const char *to) {
    const char *name;
    int above = open_above(root, path, &name);
    if (above < 0) return -1;
    int made = symlinkat(to, above, name);
    int error = errno;
    close(above);
    errno = error;
    return made;
}

static int target_of(int root, const char *path, int is_folder, int makes) {
    int target = open_below(root, path, is_folder ? O_DIRECTORY : 0);
    if (target >= 0 || errno != ENOENT || !makes) return target;
    if (make_above(root, path) || make_at(root, path, is_folder, is_folder ? 0755 : 0644)) return -1;
    return open_below(root, path, is_folder ? O_DIRECTORY : 0);
}

static int mount_at(int target, const char *source, const char *kind, unsigned long flags, const char *options) {
    char path[LAS_DESCRIPTOR_PATH];
    las_descriptor_path(target, path);
    return mount(source, path, kind, flags, options);
}

/// Binds `source` at `path`, then adds `flags` to what came.
static int bind_at(int root, const char *source, const char *path, unsigned long flags, int makes) {
    struct stat status;
    if (stat(source, &status)) return -1;
    int is_folder = S_ISDIR(status.st_mode);
    int target = target_of(root, path, is_folder, makes);
    if (target < 0) return -1;
    int done = mount_at(target, source, NULL, MS_BIND | MS_REC, NULL);
    int error = errno;
    close(target);
    errno = error;
    if (done) return -1;
    int top = open_below(root, path, 0);
    if (top < 0) return -1;
    done = add_flags(top, flags, 1);
    error = errno;
    close(top);
    errno = error;
    return done;
}

static int mount_new(int root, const char *path, const char *kind, unsigned long flags, const char *options, int makes) {
    int target = target_of(root, path, 1, makes);
    if (target < 0) return -1;
    int done = mount_at(target, kind, kind, flags, options);
    int error = errno;
    close(target);
    errno = error;
    return done;
}

static int tmpfs_at(int root, const char *path, uint32_t mode, int makes) {
    char options[] = "mode=00000";
    for (int i = 0; i < 5; i++) options[9 - i] = (char)('0' + ((mode >> (3 * i)) & 7));
    return mount_new(root, path, "tmpfs", MS_NOSUID | MS_NODEV, options, makes);
}

/// `path` and `name` joined in `joined`; NULL when it is too long.
static const char *join(char joined[4096], const char *path, const char *name) {
    size_t length = strlen(path), more = strlen(name);
    if (length + more + 2 > 4096) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(joined, path, length);
    joined[length] = '/';
    memcpy(joined + length + 1, name, more + 1);
    return joined;
}

/// The sandbox's own /proc. What in it is the whole machine's can't be written, also not by its user 0, which may be the
/// machine's, and the machine's memory and keys can't be read.
static int proc_at(int root, const char *path, int makes) {
    static const char *const fixed[] = {"sys", "sysrq-trigger", "irq", "bus", "fs"};
    static const char *const hidden[] = {"kcore", "keys", "timer_list", "sched_debug", "latency_stats", "kallsyms"};
    static const char *const emptied[] = {"acpi", "scsi", "asound"};
    char joined[4096];
    if (mount_new(root, path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, makes)) return -1;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (!join(joined, path, fixed[i])) return -1;
        int place = open_below(root, joined, 0);
        if (place < 0) continue;
        char itself[LAS_DESCRIPTOR_PATH];
        las_descriptor_path(place, itself);
        int done = mount(itself, itself, NULL, MS_BIND, NULL);
        close(place);
        if (done) return -1;
        place = open_below(root, joined, 0);
        if (place < 0) return -1;
        done = add_flags(place, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
        close(place);
        if (done) return -1;
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (!join(joined, path, hidden[i])) return -1;
        if (bind_at(root, "/dev/null", joined, MS_NOSUID | MS_NOEXEC, 0) && errno != ENOENT) return -1;
    }
    for (size_t i = 0; i < sizeof emptied / sizeof *emptied; i++) {
        if (!join(joined, path, emptied[i])) return -1;
        if (mount_new(root, joined, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555", 0) &&
            errno != ENOENT)
            return -1;
    }
    return 0;
}

/// `fixed`: nothing can be added, for a sandbox that stays: what a program left there would be seen by the next.
static int devices_at(int root, const char *path, int makes, int fixed) {
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {
        {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"},  {"stdout", "/proc/self/fd/1"},
        {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
    };
    char joined[4096], source[32];
    if (mount_new(root, path, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m", makes)) return -1;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        memcpy(source, "/dev/", 5);
        strcpy(source + 5, nodes[i]);
        if (!join(joined, path, nodes[i])) return -1;
        if (bind_at(root, source, joined, MS_NOSUID | MS_NOEXEC, 1) && errno != ENOENT) return -1;
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (!join(joined, path, links[i][0]) || link_at(root, joined, links[i][1])) return -1;
    if (!join(joined, path, "shm") || tmpfs_at(root, joined, 01777, 1)) return -1;
    if (!join(joined, path, "pts")) return -1;
    if (mount_new(root, joined, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620", 1)) return -1;
    if (!fixed) return 0;
    // Where queues are seen. A kernel without them has none.
    if (!join(joined, path, "mqueue")) return -1;
    if (mount_new(root, joined, "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, 1) && errno != ENODEV) return -1;
    int place = open_below(root, path, O_DIRECTORY);
    if (place < 0) return -1;
    int done = add_flags(place, MS_RDONLY | MS_NOSUID | MS_NOEXEC, 0);
    int error = errno;
    close(place);
    errno = error;
    return done;
}

static int folder_at(int root, const char *path, uint32_t mode, int makes) {
    if (makes && make_above(root, path)) return -1;
    return make_at(root, path, 1, mode);
}

static int carry_out(int root, const struct step *step) {
    unsigned long flags = MS_NOSUID | MS_NODEV | (step->read_only ? MS_RDONLY : 0);
    switch (step->kind) {
    case LAS_STEP_BIND: return bind_at(root, step->source, step->target, flags, step->makes);
    case LAS_STEP_TMPFS: return tmpfs_at(root, step->target, step->mode, step->makes);
    case LAS_STEP_PROC: return proc_at(root, step->target, step->makes);
    case LAS_STEP_DEVICES: return devices_at(root, step->target, step->makes, step->read_only);
    case LAS_STEP_DEVICE: return bind_at(root, step->source, step->target, MS_NOSUID | MS_NOEXEC, step->makes);
    case LAS_STEP_FOLDER: return folder_at(root, step->target, step->mode, step->makes);
    case LAS_STEP_LINK:
        if (step->makes && make_above(root, step->target)) return -1;
        return link_at(root, step->target, step->source);
    }
    errno = EINVAL;
    return -1;
}

/// Adds `text` to `options`, with a backslash before what means something there. Returns NULL when it does not fit.
static char *add_escaped(char *end, const char *limit, const char *text) {
    for (; *text; text++) {
        if (end + 2 >= limit) return NULL;
        if (*text == ',' || *text == ':' || *text == '\\') *end++ = '\\';
        *end++ = *text;
    }
    return end;
}

/// A layer over the root that takes all that is written there.
static int lay_over(const struct las_sandbox *sandbox) {
    static const char beginning[] = "lowerdir=", rest[] = ",upperdir=upper,workdir=work", user[] = ",userxattr";
    char options[4096];
    memcpy(options, beginning, sizeof beginning);
    char *end = add_escaped(options + sizeof beginning - 1, options + sizeof options - sizeof rest - sizeof user,
                            sandbox->root);
    if (!end) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(end, rest, sizeof rest);
    if (sandbox->namespaces & LAS_NAMESPACE_USER) memcpy(end + sizeof rest - 1, user, sizeof user);
    if (chdir(sandbox->over)) return -1;
    if (mount("overlay", sandbox->root, "overlay", MS_NOSUID | MS_NODEV, options) == 0) return chdir("/");
    // Not every file system can hold what is written: those of containers and of networks can't. Memory can.
    if (mount("tmpfs", sandbox->over, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")) return -1;
    if (chdir(sandbox->over) || mkdir("upper", 0755) || mkdir("work", 0755)) return -1;
    if (mount("overlay", sandbox->root, "overlay", MS_NOSUID | MS_NODEV, options)) return -1;
    return chdir("/");
}

int las_settle_mounts(const struct las_sandbox *sandbox, int *stage, int *index) {
    umask(0);
    // Nothing that is mounted here appears in the caller's namespace, and nothing of the caller's appears here later.
    *stage = LAS_STAGE_PROPAGATION;
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL)) return -1;
    *stage = LAS_STAGE_OVER;
    if (sandbox->root && sandbox->over && lay_over(sandbox)) return -1;
    *stage = LAS_STAGE_ROOT;
    if (sandbox->root && mount(sandbox->root, sandbox->root, NULL, MS_BIND | MS_REC, NULL)) return -1;
    // What is mounted upon "/" is reached by "..", which follows mounts where "/" itself does not.
    const char *path = sandbox->root ? sandbox->root : "/";
    if (sandbox->root && !strcmp(path, "/")) path = "/..";
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -1;
    unsigned long flags = MS_NOSUID | MS_NODEV | (sandbox->root_read_only ? MS_RDONLY : 0);
    if (sandbox->root && add_flags(root, flags, 1)) return -1;
    *stage = LAS_STAGE_STEP;
    for (size_t i = 0; i < sandbox->step_count; i++) {
        *index = (int)i;
        if (carry_out(root, &sandbox->steps[i])) return -1;
    }
    *stage = LAS_STAGE_PIVOT;
    if (sandbox->root) {
        // The old root comes to lie upon the new one, and is taken away from there.
        if (fchdir(root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH)) return -1;
    }
    close(root);
    return chdir("/");
}
