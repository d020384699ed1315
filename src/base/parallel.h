// The same work for each of many things, with a few threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/result.h"

namespace pactolus {

// Calls work(0) to work(count - 1), each once, with up to `threads` threads, the caller's among them, and returns when
// all have ended. Which thread does which is open. The error is that of the lowest index; the others are done all the
// same.
Result<> in_parallel(size_t count, int32_t threads, const std::function<Result<>(size_t)>& work);

}  // namespace pactolus
