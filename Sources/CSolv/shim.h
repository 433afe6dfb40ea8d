#pragma once
#include <solv/pool.h>
#include <solv/bitmap.h>
#include <solv/evr.h>
#include <solv/repo.h>
#include <solv/solver.h>
#include <solv/repo_deb.h>
