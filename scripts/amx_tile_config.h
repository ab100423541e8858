// Included before everything when llama.cpp is built by a gcc whose _tile_loadconfig (AMX) claims to
// read only the first 8 of the 64 bytes of a tile configuration: the compiler then drops the stores
// of the rest, and the processor faults on what happens to lie there. Seen with gcc 12.2.
// Only C++ files get it: ggml's AMX code is C++.
#pragma once

#include <immintrin.h>

#define _tile_loadconfig(configuration) \
  __asm__ volatile("ldtilecfg %0" : : "m"(*reinterpret_cast<const char(*)[64]>(configuration)))
