#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace pactolus {

Result<> in_parallel(size_t count, int32_t threads, const std::function<Result<>(size_t)>& work) {
  std::vector<Result<>> results(count);
  std::atomic<size_t> next{0};
  const auto take = [&] {
    for (size_t i; (i = next.fetch_add(1)) < count;) results[i] = work(i);
  };
  {
    std::vector<std::jthread> helpers;
    for (size_t i = 1; i < std::min(count, size_t(std::max(threads, 1))); ++i) helpers.emplace_back(take);
    take();
  }
  for (Result<>& r : results) TRY(std::move(r));
  return {};
}

}  // namespace pactolus
