// The hashes that are part of a format or a promise, each named by what it is for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pactolus {

// XXH3, 64 bits: fingerprints of event ids and user ids, checksums of our own files. Frozen: it is on disk.
uint64_t hash64(std::string_view bytes) noexcept;
uint64_t hash64(std::string_view bytes, uint64_t seed) noexcept;

// Drawn once: what makes places in hash tables unforeseeable to those who choose what goes into them. Nothing that is
// answered or written may depend on it.
uint64_t process_secret() noexcept;

// XXH3, 128 bits, as 32 lower-case hexadecimal digits: identity of imported rows. Frozen: it is in Silver.
std::string hash128_hex(std::string_view bytes);

// Partition of a key as Java's Kafka producer chooses it: murmur2, sign bit cleared, modulo the partitions.
// Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey. `partitions` > 0.
int32_t kafka_partition(std::string_view key, int32_t partitions) noexcept;
uint32_t murmur2(std::string_view bytes) noexcept;

}  // namespace pactolus
