#define _GNU_SOURCE
#include "ctestsupport.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int las_test_become(unsigned id) {
    // The system calls themselves: libc's functions change all threads.
    if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, id, id, id) || syscall(SYS_setresuid, id, id, id))
        return errno;
    // A change of user makes the process undumpable, and then its files in /proc root's.
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) ? errno : 0;
}
