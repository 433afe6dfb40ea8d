#pragma once

/// Makes the calling thread, and it alone, the user and group of that number without any capability. Not to be undone.
/// Returns 0, or an error number.
int las_test_become(unsigned id);

/// For a posix_spawn_file_actions_t: the program starts in `folder`, with no descriptor but 0, 1 and 2. Swift's Glibc module lacks
/// both calls.
int las_test_spawn_in(void *actions, const char *folder);
