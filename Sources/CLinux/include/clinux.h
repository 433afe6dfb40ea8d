#pragma once
// The system calls that Swift's Glibc module lacks, and what has to be done in C between clone and exec.

#include "clinux_cell.h"
#include "clinux_events.h"
#include "clinux_filter.h"
#include "clinux_fuse.h"
#include "clinux_images.h"
#include "clinux_sandbox.h"
