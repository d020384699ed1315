// Delta log: any bytes as one or two commit files, parted by a line "====". Decoding and replaying them may fail but
// not crash; what is decoded must survive encoding; a schema that is read must be written as the same schema.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "lake/delta/actions.h"
#include "lake/delta/schema.h"
#include "lake/delta/snapshot.h"
#include "lake/delta/stats.h"

using namespace pactolus;

static void replay(std::string_view text, delta::Snapshot& snapshot) {
  auto actions = delta::decode_commit(text);
  if (!actions) return;
  const std::string encoded = delta::encode_commit(*actions);
  const auto again = delta::decode_commit(encoded);
  PACTOLUS_CHECK(again.has_value(), encoded);
  PACTOLUS_CHECK(again->adds == actions->adds && again->txns == actions->txns && again->metadata == actions->metadata);
  PACTOLUS_CHECK(again->protocol == actions->protocol && again->removes.size() == actions->removes.size());
  if (actions->metadata) {
    const auto schema = delta::parse_schema(actions->metadata->schema_string, actions->metadata->partition_columns);
    if (schema) {
      const auto same = delta::parse_schema(delta::schema_string(*schema), schema->partition_columns);
      PACTOLUS_CHECK(same && *same == *schema);
    }
  }
  for (const auto& add : actions->adds) (void)delta::rows_of(add.stats);
  (void)snapshot.apply(snapshot.version() + 1, std::move(*actions));
  (void)snapshot.rows();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kMarker = "\n====\n";
  delta::Snapshot snapshot;
  const size_t marker = text.find(kMarker);
  replay(text.substr(0, marker), snapshot);
  if (marker != text.npos) replay(text.substr(marker + kMarker.size()), snapshot);
  return 0;
}
