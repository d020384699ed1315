#include "base/hash.h"

#include <xxhash.h>

#include <cstring>

#include "base/clock.h"

namespace pactolus {

uint64_t hash64(std::string_view bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }
uint64_t hash64(std::string_view bytes, uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t process_secret() noexcept {
  static const uint64_t secret = Random::from_system().next();
  return secret;
}

std::string hash128_hex(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  std::string hex(32, '0');
  for (size_t i = 0; i < 16; ++i) {
    hex[15 - i] = "0123456789abcdef"[h.high64 >> (4 * i) & 15];
    hex[31 - i] = "0123456789abcdef"[h.low64 >> (4 * i) & 15];
  }
  return hex;
}

uint32_t murmur2(std::string_view bytes) noexcept {
  constexpr uint32_t kMultiplier = 0x5bd1e995, kSeed = 0x9747b28c;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  uint32_t h = kSeed ^ uint32_t(left);
  for (; left >= 4; p += 4, left -= 4) {
    uint32_t k;
    std::memcpy(&k, p, 4);
    k *= kMultiplier;
    k ^= k >> 24;
    k *= kMultiplier;
    h *= kMultiplier;
    h ^= k;
  }
  if (left >= 3) h ^= uint32_t(p[2]) << 16;
  if (left >= 2) h ^= uint32_t(p[1]) << 8;
  if (left >= 1) {
    h ^= p[0];
    h *= kMultiplier;
  }
  h ^= h >> 13;
  h *= kMultiplier;
  h ^= h >> 15;
  return h;
}

int32_t kafka_partition(std::string_view key, int32_t partitions) noexcept {
  return int32_t(murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace pactolus
