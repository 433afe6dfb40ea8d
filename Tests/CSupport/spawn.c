#define _GNU_SOURCE
#include "ctestsupport.h"

#include <spawn.h>

int las_test_spawn_in(void *actions, const char *folder) {
    int code = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return code != 0 ? code : posix_spawn_file_actions_addchdir_np(actions, folder);
}
