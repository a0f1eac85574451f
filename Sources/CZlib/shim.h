#ifndef ACKSCOPE_CZLIB_H
#define ACKSCOPE_CZLIB_H

#include <zlib.h>

// inflateInit2 is a macro, which the Swift importer cannot see.
static inline int ackscope_inflate_init(z_stream *stream, int window_bits) {
  return inflateInit2(stream, window_bits);
}

// deflateInit2 is a macro too; tests compress with it.
static inline int ackscope_deflate_init(z_stream *stream, int level, int window_bits) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}

#endif
