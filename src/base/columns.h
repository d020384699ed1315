// Columns in Arrow's memory layout, built here and handed over by the C Data Interface; and a reader for those that
// come back. No Arrow library is needed on this side of the boundary.
//
//   FixedColumn<int64_t> counts;  counts.append(3);  counts.append_null();
//   ColumnBatch batch(2, {counts.finish("count", kFormatInt64), ...});     // owns everything
//   writer.write(batch)                                                    // reads batch.schema(), batch.array()
//
// Validity is Arrow's: a bit per row, least significant first, 1 = there is a value; no bitmap when nothing is null.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arrow_c_data.h"
#include "base/check.h"

namespace pactolus {

inline constexpr const char* kFormatBool = "b";
inline constexpr const char* kFormatInt32 = "i";
inline constexpr const char* kFormatInt64 = "l";
inline constexpr const char* kFormatDouble = "g";
inline constexpr const char* kFormatText = "u";
inline constexpr const char* kFormatBinary = "z";
inline constexpr const char* kFormatDate = "tdD";
inline constexpr const char* kFormatTimestamp = "tsu:UTC";
inline constexpr const char* kFormatMoney = "d:18,4";
inline constexpr const char* kFormatWideMoney = "d:38,4";

// Bytes that somebody owns.
struct Buffer {
  std::shared_ptr<const void> owner;
  const void* data = nullptr;
  template <class T, class A>
  static Buffer own(std::vector<T, A> values) {
    auto held = std::make_shared<const std::vector<T, A>>(std::move(values));
    return {held, held->data()};
  }
  static Buffer own(std::string bytes) {
    auto held = std::make_shared<const std::string>(std::move(bytes));
    return {held, held->data()};
  }
};

// One finished column with its children, as a value.
struct ColumnData {
  std::string name;
  std::string format;
  bool nullable = true;
  int64_t length = 0;
  int64_t null_count = 0;
  std::vector<Buffer> buffers;  // validity first, empty when nothing is null
  std::vector<ColumnData> children;
  std::shared_ptr<ColumnData> dictionary;
};

class Validity {
 public:
  void append(bool valid) {
    if (!valid && bits_.empty()) bits_.assign(size_t(length_ / 8 + 1), 0xff);
    if (!bits_.empty()) {
      if (size_t(length_ / 8) >= bits_.size()) bits_.push_back(0xff);
      if (!valid) {
        bits_[size_t(length_ / 8)] = uint8_t(bits_[size_t(length_ / 8)] & ~(1u << (length_ % 8)));
        ++nulls_;
      }
    }
    ++length_;
  }
  int64_t length() const { return length_; }
  int64_t nulls() const { return nulls_; }
  Buffer finish() { return nulls_ ? Buffer::own(std::move(bits_)) : Buffer{}; }

 private:
  std::vector<uint8_t> bits_;
  int64_t length_ = 0, nulls_ = 0;
};

template <class T>
class FixedColumn {
 public:
  void append(T v) {
    values_.push_back(v);
    validity_.append(true);
  }
  void append_null() {
    values_.push_back(T{});
    validity_.append(false);
  }
  int64_t length() const { return validity_.length(); }
  ColumnData finish(std::string name, std::string format) {
    const int64_t n = validity_.length(), nulls = validity_.nulls();
    return {std::move(name),
            std::move(format),
            true,
            n,
            nulls,
            {validity_.finish(), Buffer::own(std::move(values_))},
            {},
            {}};
  }

 private:
  std::vector<T> values_;
  Validity validity_;
};

class BoolColumn {
 public:
  void append(bool v);
  void append_null();
  ColumnData finish(std::string name);

 private:
  std::vector<uint8_t> bits_;
  Validity validity_;
};

class TextColumn {
 public:
  void append(std::string_view v) {
    bytes_.append(v);
    PACTOLUS_CHECK(bytes_.size() <= INT32_MAX, "a text column outgrew its 32-bit offsets");
    offsets_.push_back(int32_t(bytes_.size()));
    validity_.append(true);
  }
  void append_null() {
    offsets_.push_back(int32_t(bytes_.size()));
    validity_.append(false);
  }
  int64_t length() const { return validity_.length(); }
  ColumnData finish(std::string name, std::string format = kFormatText) {
    const int64_t n = validity_.length(), nulls = validity_.nulls();
    return {std::move(name),
            std::move(format),
            true,
            n,
            nulls,
            {validity_.finish(), Buffer::own(std::move(offsets_)), Buffer::own(std::move(bytes_))},
            {},
            {}};
  }

 private:
  std::vector<int32_t> offsets_{0};
  std::string bytes_;
  Validity validity_;
};

// map<string, V>: append entries, then end_row(); or append_null().
template <class V>
class MapColumn {
 public:
  template <class T>
  void append_entry(std::string_view key, T value) {
    keys_.append(key);
    values_.append(value);
  }
  void end_row() {
    offsets_.push_back(int32_t(keys_.length()));
    validity_.append(true);
  }
  void append_null() {
    offsets_.push_back(int32_t(keys_.length()));
    validity_.append(false);
  }
  ColumnData finish(std::string name, std::string value_format) {
    ColumnData keys = keys_.finish("key"), values = values_.finish("value", std::move(value_format));
    keys.nullable = false;
    const int64_t entries = keys.length, n = validity_.length(), nulls = validity_.nulls();
    ColumnData pairs{"key_value", "+s", false, entries, 0, {Buffer{}}, {}, {}};
    pairs.children.push_back(std::move(keys));
    pairs.children.push_back(std::move(values));
    ColumnData out{
        std::move(name), "+m", true, n, nulls, {validity_.finish(), Buffer::own(std::move(offsets_))}, {}, {}};
    out.children.push_back(std::move(pairs));
    return out;
  }

 private:
  std::vector<int32_t> offsets_{0};
  TextColumn keys_;
  V values_;
  Validity validity_;
};

// list<string>
class TextListColumn {
 public:
  void append_item(std::string_view v) { items_.append(v); }
  void end_row() {
    offsets_.push_back(int32_t(items_.length()));
    validity_.append(true);
  }
  void append_null() {
    offsets_.push_back(int32_t(items_.length()));
    validity_.append(false);
  }
  ColumnData finish(std::string name);

 private:
  std::vector<int32_t> offsets_{0};
  TextColumn items_;
  Validity validity_;
};

ColumnData struct_column(std::string name, Validity validity, std::vector<ColumnData> children);
// Dictionary<int32, string>: `codes` index into `values`; code -1 is null.
ColumnData dictionary_column(std::string name, std::vector<int32_t> codes, ColumnData values);

// A table's worth of columns of one length, owned, readable through the C Data Interface. A consumer that takes
// ownership (Arrow's import) is given `move_out`.
class ColumnBatch {
 public:
  ColumnBatch(int64_t rows, std::vector<ColumnData> columns);
  ColumnBatch(ArrowSchema schema, ArrowArray array) : schema_(schema), array_(array) {}  // takes ownership
  ColumnBatch(ColumnBatch&& other) noexcept;
  ColumnBatch& operator=(ColumnBatch&& other) noexcept;
  ~ColumnBatch();

  int64_t rows() const { return array_.length; }
  const ArrowSchema& schema() const { return schema_; }
  const ArrowArray& array() const { return array_; }
  void move_out(ArrowSchema* schema, ArrowArray* array);

 private:
  void release();
  ArrowSchema schema_{};
  ArrowArray array_{};
};

// Reads one column of a batch that came over the boundary. Borrows; valid while the batch lives.
class ColumnView {
 public:
  ColumnView(const ArrowSchema& schema, const ArrowArray& array) : schema_(&schema), array_(&array) {}
  static ColumnView of(const ColumnBatch& batch) { return {batch.schema(), batch.array()}; }

  int64_t length() const { return array_->length; }
  std::string_view name() const { return schema_->name ? schema_->name : ""; }
  std::string_view format() const { return schema_->format; }
  bool is_null(int64_t row) const;
  int64_t children() const { return schema_->n_children; }
  ColumnView child(int64_t i) const;
  bool has_child(std::string_view name) const;
  ColumnView child(std::string_view name) const;  // must be there

  bool bool_at(int64_t row) const;
  int64_t int_at(int64_t row) const;  // int32, int64, date and timestamp columns
  double double_at(int64_t row) const;
  __int128 decimal_at(int64_t row) const;
  std::string_view text_at(int64_t row) const;  // string and binary in any layout, also through a dictionary
  bool has_dictionary() const { return schema_->dictionary != nullptr; }
  ColumnView dictionary() const { return {*schema_->dictionary, *array_->dictionary}; }
  int32_t code_at(int64_t row) const { return fixed<int32_t>(row); }  // into dictionary(); format kFormatInt32

  // Rows of a map or list: entries [first, second) of `entries()`; a map's entries have children key and value.
  std::pair<int64_t, int64_t> range_at(int64_t row) const;
  ColumnView entries() const { return child(0); }

 private:
  template <class T>
  T fixed(int64_t row) const {
    return static_cast<const T*>(array_->buffers[1])[array_->offset + row];
  }
  const ArrowSchema* schema_;
  const ArrowArray* array_;
};

}  // namespace pactolus
