#pragma once

/// Makes the calling thread, and it alone, the user and group of that number without any capability. Not to be undone.
/// Returns 0, or an error number.
int las_test_become(unsigned id);
