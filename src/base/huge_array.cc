#include "base/huge_array.h"

#include <sys/mman.h>

#include "base/check.h"

namespace pactolus {
namespace {
constexpr size_t kHugePage = size_t(2) << 20;
constexpr size_t rounded(size_t bytes) {
  return bytes < kHugePage ? bytes : (bytes + kHugePage - 1) / kHugePage * kHugePage;
}
}  // namespace

void* map_huge(size_t bytes) {
  const size_t size = rounded(bytes);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PACTOLUS_CHECK(memory != MAP_FAILED, fmt::format("no memory for {} bytes", size));
  if (size >= kHugePage) ::madvise(memory, size, MADV_HUGEPAGE);  // only a wish
  return memory;
}
void unmap_huge(void* memory, size_t bytes) noexcept { ::munmap(memory, rounded(bytes)); }
void discard_huge(void* memory, size_t bytes) noexcept {
  const size_t whole = bytes / kHugePage * kHugePage;
  if (whole > 0) ::madvise(memory, whole, MADV_DONTNEED);
}

}  // namespace pactolus
