#include "csquashfuse.h"
