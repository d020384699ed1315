#include "event/event_batch.h"

#define XXH_INLINE_ALL  // hash64 (base/hash.h) in place: most of what a dictionary does for a short text is the call
#include <xxhash.h>
#include <atomic>

#include <cstring>

namespace pactolus {
namespace {
constexpr int kFirstBits = 8;  // of a slot's number

uint64_t hash_of(std::string_view text) noexcept { return XXH3_64bits(text.data(), text.size()); }

// Which bits differ in the first or the last bytes, a Word of each.
template <class Word>
Word ends_differ(const char* a, const char* b, size_t n) noexcept {
  const auto word = [](const char* p) {
    Word v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  return (word(a) ^ word(b)) | (word(a + n - sizeof(Word)) ^ word(b + n - sizeof(Word)));
}

// Equality of texts that are nearly always equal, since their hashes are: no call for up to 32 bytes.
bool same(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  const size_t n = a.size();
  if (n > 32 || n < 4) return std::memcmp(a.data(), b.data(), n) == 0;
  if (n < 8) return ends_differ<uint32_t>(a.data(), b.data(), n) == 0;
  if (n <= 16) return ends_differ<uint64_t>(a.data(), b.data(), n) == 0;
  return (ends_differ<uint64_t>(a.data(), b.data(), 16) |
          ends_differ<uint64_t>(a.data() + n - 16, b.data() + n - 16, 16)) == 0;
}
}  // namespace

TextDictionary::TextDictionary() : slots_(size_t(1) << kFirstBits), shift_(64 - kFirstBits) {}

// Nearly every look-up is for a known value in the slot where its probe begins: only that is worth being in place.
inline int32_t TextDictionary::code(std::string_view text, uint64_t hash) {
  const Slot s = slots_[place_of(hash)];
  if (s.tag == uint32_t(hash >> 32) && s.code >= 0 && same(value(s.code), text)) [[likely]]
    return s.code;
  return probe_or_insert(text, hash);
}

size_t TextDictionary::slot_of(uint64_t hash, std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = place_of(hash);; i = (i + 1) & mask) {
    const Slot s = slots_[i];
    if (s.code < 0 || (s.tag == uint32_t(hash >> 32) && same(value(s.code), text))) return i;
  }
}

int32_t TextDictionary::find(std::string_view text) const { return slots_[slot_of(hash_of(text), text)].code; }

int32_t TextDictionary::code(std::string_view text) { return code(text, hash_of(text)); }

void TextDictionary::append_codes(std::span<const std::string_view> texts, std::vector<int32_t>& codes) {
  const size_t at = codes.size();
  codes.resize(at + texts.size());
  for (size_t i = 0; i < texts.size(); ++i) codes[at + i] = texts[i].empty() ? -1 : code(texts[i], hash_of(texts[i]));
}

int32_t TextDictionary::probe_or_insert(std::string_view text, uint64_t hash) {
  Slot& slot = slots_[slot_of(hash, text)];
  if (slot.code >= 0) return slot.code;
  const auto code = int32_t(entries_.size());
  slot = {uint32_t(hash >> 32), code};
  PACTOLUS_CHECK(bytes_.size() + text.size() <= UINT32_MAX, "a dictionary outgrew its 32-bit offsets");
  entries_.push_back({hash, uint32_t(bytes_.size()), uint32_t(text.size())});
  bytes_.append(text);
  if (entries_.size() * 4 > slots_.size()) grow();
  return code;
}

void TextDictionary::grow() {
  slots_.assign(slots_.size() * 2, Slot{});
  --shift_;
  const size_t mask = slots_.size() - 1;
  for (size_t c = 0; c < entries_.size(); ++c) {
    size_t i = place_of(entries_[c].hash);
    while (slots_[i].code >= 0) i = (i + 1) & mask;
    slots_[i] = {uint32_t(entries_[c].hash >> 32), int32_t(c)};
  }
}

void TextDictionary::clear() {
  if (entries_.empty()) return;
  bytes_.clear();
  entries_.clear();
  slots_.assign(slots_.size(), Slot{});
}

size_t EventBatch::bytes() const {
  constexpr size_t kFixedPerRow =
      10 * 4 + 8 * 5 + 4 + 2 + 1 + 3 * 4;  // codes, wide numbers, quantity, source, type, text ends
  size_t total = rows() * kFixedPerRow + event_id.bytes.size() + extra.bytes.size() + origin.bytes.size();
  for (const auto* d : {&users, &products, &sessions, &categories, &devices, &pages, &referrers, &currencies, &orders})
    total += d->bytes() + size_t(d->size()) * 24;
  return total;
}

uint64_t EventBatch::next_filling() noexcept {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

void EventBatch::clear() {
  filling = next_filling();
  for (auto* t : {&event_id, &extra, &origin}) t->clear();
  for (auto* d : {&users, &products, &sessions, &categories, &devices, &pages, &referrers, &currencies, &orders})
    d->clear();
  for (auto* c : {&user_id, &kafka_key, &product_id, &session_id, &product_category, &device_type, &page_url, &referrer,
                  &currency, &order_id})
    c->codes.clear();
  fingerprint.clear();
  event_type.clear();
  price.clear();
  quantity.clear();
  event_time.clear();
  source.clear();
  offset.clear();
  record_time.clear();
}

std::string_view name_of(RejectReason reason) noexcept {
  constexpr std::string_view kNames[kRejectReasons] = {
      "malformed_json",     "malformed_row",      "not_an_object",     "too_large",          "too_deep",
      "invalid_utf8",       "empty_value",        "missing_event_id",  "missing_user_id",    "missing_product_id",
      "missing_event_type", "unknown_event_type", "missing_timestamp", "invalid_timestamp",  "future_timestamp",
      "too_late",           "missing_price",      "invalid_price",     "non_positive_price", "invalid_quantity",
      "invalid_currency",   "wrong_type",         "field_too_long"};
  return kNames[size_t(reason)];
}

}  // namespace pactolus
