#include "base/columns.h"

#include <cstring>

namespace pactolus {

void BoolColumn::append(bool v) {
  const auto row = size_t(validity_.length());
  if (row / 8 >= bits_.size()) bits_.push_back(0);
  if (v) bits_[row / 8] = uint8_t(bits_[row / 8] | (1u << (row % 8)));
  validity_.append(true);
}
void BoolColumn::append_null() {
  if (size_t(validity_.length()) / 8 >= bits_.size()) bits_.push_back(0);
  validity_.append(false);
}
ColumnData BoolColumn::finish(std::string name) {
  const int64_t n = validity_.length(), nulls = validity_.nulls();
  return {std::move(name), kFormatBool, true, n, nulls, {validity_.finish(), Buffer::own(std::move(bits_))}, {}, {}};
}

ColumnData TextListColumn::finish(std::string name) {
  const int64_t n = validity_.length(), nulls = validity_.nulls();
  ColumnData out{std::move(name), "+l", true, n, nulls, {validity_.finish(), Buffer::own(std::move(offsets_))}, {}, {}};
  out.children.push_back(items_.finish("element"));
  return out;
}

ColumnData struct_column(std::string name, Validity validity, std::vector<ColumnData> children) {
  const int64_t n = validity.length(), nulls = validity.nulls();
  for (const auto& c : children) PACTOLUS_CHECK_EQ(c.length, n);
  return {std::move(name), "+s", true, n, nulls, {validity.finish()}, std::move(children), {}};
}

ColumnData dictionary_column(std::string name, std::vector<int32_t> codes, ColumnData values) {
  Validity validity;
  for (const int32_t c : codes) validity.append(c >= 0);
  const auto n = int64_t(codes.size());
  const int64_t nulls = validity.nulls();
  if (nulls)
    for (int32_t& c : codes) c = c < 0 ? 0 : c;
  ColumnData out{
      std::move(name), kFormatInt32, true, n, nulls, {validity.finish(), Buffer::own(std::move(codes))}, {}, {}};
  out.dictionary = std::make_shared<ColumnData>(std::move(values));
  return out;
}

namespace {

// What one exported node keeps alive; children and dictionary are nodes of their own, released by it.
struct SchemaNode {
  std::string format, name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
  ArrowSchema dictionary{};
};
struct ArrayNode {
  std::vector<Buffer> owners;
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
  ArrowArray dictionary{};
};

void release_schema(ArrowSchema* s) {
  auto* node = static_cast<SchemaNode*>(s->private_data);
  for (auto& c : node->children)
    if (c.release) c.release(&c);
  if (s->dictionary && node->dictionary.release) node->dictionary.release(&node->dictionary);
  delete node;
  s->release = nullptr;
}
void release_array(ArrowArray* a) {
  auto* node = static_cast<ArrayNode*>(a->private_data);
  for (auto& c : node->children)
    if (c.release) c.release(&c);
  if (a->dictionary && node->dictionary.release) node->dictionary.release(&node->dictionary);
  delete node;
  a->release = nullptr;
}

void export_column(ColumnData c, ArrowSchema* schema, ArrowArray* array) {
  auto* sn = new SchemaNode{std::move(c.format), std::move(c.name), {}, {}, {}};
  auto* an = new ArrayNode;
  const size_t n = c.children.size();
  sn->children.resize(n);
  an->children.resize(n);
  for (size_t i = 0; i < n; ++i) {
    export_column(std::move(c.children[i]), &sn->children[i], &an->children[i]);
    sn->pointers.push_back(&sn->children[i]);
    an->pointers.push_back(&an->children[i]);
  }
  for (const auto& b : c.buffers) an->buffers.push_back(b.data);
  an->owners = std::move(c.buffers);
  *schema = {};
  schema->format = sn->format.c_str();
  schema->name = sn->name.c_str();
  schema->flags = c.nullable ? ARROW_FLAG_NULLABLE : 0;
  schema->n_children = int64_t(n);
  schema->children = sn->pointers.data();
  schema->release = release_schema;
  schema->private_data = sn;
  *array = {};
  array->length = c.length;
  array->null_count = c.null_count;
  array->n_buffers = int64_t(an->buffers.size());
  array->buffers = an->buffers.data();
  array->n_children = int64_t(n);
  array->children = an->pointers.data();
  array->release = release_array;
  array->private_data = an;
  if (c.dictionary) {
    export_column(std::move(*c.dictionary), &sn->dictionary, &an->dictionary);
    schema->dictionary = &sn->dictionary;
    array->dictionary = &an->dictionary;
  }
}

}  // namespace

ColumnBatch::ColumnBatch(int64_t rows, std::vector<ColumnData> columns) {
  for (const auto& c : columns) PACTOLUS_CHECK_EQ(c.length, rows);
  ColumnData root{"", "+s", false, rows, 0, {Buffer{}}, std::move(columns), {}};
  export_column(std::move(root), &schema_, &array_);
}
ColumnBatch::ColumnBatch(ColumnBatch&& other) noexcept
    : schema_(std::exchange(other.schema_, {})), array_(std::exchange(other.array_, {})) {}
ColumnBatch& ColumnBatch::operator=(ColumnBatch&& other) noexcept {
  if (this != &other) {
    release();
    schema_ = std::exchange(other.schema_, {});
    array_ = std::exchange(other.array_, {});
  }
  return *this;
}
ColumnBatch::~ColumnBatch() { release(); }
void ColumnBatch::release() {
  if (array_.release) array_.release(&array_);
  if (schema_.release) schema_.release(&schema_);
}
void ColumnBatch::move_out(ArrowSchema* schema, ArrowArray* array) {
  *schema = std::exchange(schema_, {});
  *array = std::exchange(array_, {});
}

bool ColumnView::is_null(int64_t row) const {
  if (array_->null_count == 0 || array_->n_buffers == 0 || !array_->buffers[0]) return false;
  const int64_t i = array_->offset + row;
  return !(static_cast<const uint8_t*>(array_->buffers[0])[i / 8] >> (i % 8) & 1);
}
ColumnView ColumnView::child(int64_t i) const { return {*schema_->children[i], *array_->children[i]}; }
bool ColumnView::has_child(std::string_view name) const {
  for (int64_t i = 0; i < schema_->n_children; ++i)
    if (schema_->children[i]->name == name) return true;
  return false;
}
ColumnView ColumnView::child(std::string_view name) const {
  for (int64_t i = 0; i < schema_->n_children; ++i)
    if (schema_->children[i]->name == name) return child(i);
  PACTOLUS_CHECK(false, std::string(name));
}
bool ColumnView::bool_at(int64_t row) const {
  const int64_t i = array_->offset + row;
  return static_cast<const uint8_t*>(array_->buffers[1])[i / 8] >> (i % 8) & 1;
}
int64_t ColumnView::int_at(int64_t row) const {
  const char* const f = schema_->format;  // asked for every value: no comparison of texts
  const bool is_narrow = f[0] == 'i' || (f[0] == 't' && f[1] == 'd' && f[2] == 'D');
  return is_narrow ? int64_t(fixed<int32_t>(row)) : fixed<int64_t>(row);
}
double ColumnView::double_at(int64_t row) const { return fixed<double>(row); }
__int128 ColumnView::decimal_at(int64_t row) const {
  __int128 v;
  std::memcpy(&v, static_cast<const char*>(array_->buffers[1]) + (array_->offset + row) * 16, 16);
  return v;
}
namespace {
// An element of Arrow's "variable-size binary view" layout: short texts lie inside, others in one of further buffers.
struct TextView {
  int32_t size;
  union {
    char inside[12];
    struct {
      char prefix[4];
      int32_t buffer, offset;
    } outside;
  };
};
static_assert(sizeof(TextView) == 16);
}  // namespace

std::string_view ColumnView::text_at(int64_t row) const {
  if (has_dictionary()) return dictionary().text_at(code_at(row));
  if (schema_->format[0] == 'v') {
    const TextView& v = static_cast<const TextView*>(array_->buffers[1])[array_->offset + row];
    if (v.size <= int32_t(sizeof v.inside)) return {v.inside, size_t(v.size)};
    return {static_cast<const char*>(array_->buffers[2 + v.outside.buffer]) + v.outside.offset, size_t(v.size)};
  }
  const char* bytes = static_cast<const char*>(array_->buffers[2]);
  if (const char f = schema_->format[0]; f == 'U' || f == 'Z') {
    const auto* o = static_cast<const int64_t*>(array_->buffers[1]) + array_->offset + row;
    return {bytes + o[0], size_t(o[1] - o[0])};
  }
  const auto* o = static_cast<const int32_t*>(array_->buffers[1]) + array_->offset + row;
  return {bytes + o[0], size_t(o[1] - o[0])};
}
std::pair<int64_t, int64_t> ColumnView::range_at(int64_t row) const {
  const auto* o = static_cast<const int32_t*>(array_->buffers[1]) + array_->offset + row;
  return {o[0], o[1]};
}

}  // namespace pactolus
