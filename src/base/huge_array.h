// A large zeroed array of plain numbers, on huge pages where the kernel gives them: a hash table that is probed at
// random spends most of its time on address translation when it lies on small ones.
//
// Owns its memory; moves, does not copy. The size is fixed at construction. One thread.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace pactolus {

void* map_huge(size_t bytes);  // zeroed; never fails, the process ends without memory
void unmap_huge(void* memory, size_t bytes) noexcept;
void discard_huge(void* memory, size_t bytes) noexcept;

template <class T>
class HugeArray {
  static_assert(std::is_trivial_v<T>);

 public:
  HugeArray() = default;
  explicit HugeArray(size_t size) : data_(size ? static_cast<T*>(map_huge(size * sizeof(T))) : nullptr), size_(size) {}
  HugeArray(HugeArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  HugeArray& operator=(HugeArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~HugeArray() {
    if (data_) unmap_huge(data_, size_ * sizeof(T));
  }
  T& operator[](size_t i) noexcept { return data_[i]; }
  const T& operator[](size_t i) const noexcept { return data_[i]; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  // Gives back the memory before index `i`, by whole pages: what stood there reads as 0 or as it was.
  void discard_before(size_t i) noexcept {
    if (data_) discard_huge(data_, i * sizeof(T));
  }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace pactolus
