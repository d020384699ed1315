// A windowed view as it is declared: what it is called, what a row is about, how long its windows are, what they
// measure. The built-in views are declared in the same words as those of a shop's own configuration.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gold/measure.h"
#include "gold/window_shape.h"

namespace pactolus {

struct ViewDeclaration {
  std::string name;               // of its table, lake/gold/<name>
  std::vector<EventColumn> keys;  // a row for each combination of their values; events without one share a null
  WindowShape shape;
  std::vector<Measure> measures;
  bool operator==(const ViewDeclaration&) const = default;
};

// The columns of text that its rows are made of, each once; those of a session instead of it.
std::vector<EventColumn> columns_of(const ViewDeclaration& view);

// What is wrong with it, in a sentence, and which part of it is meant.
struct ViewFault {
  std::string text;
  std::string_view entry = {};  // "keys", "measures", "size", "slide", "gap"; empty: all of it
  size_t item = 0;              // which of the keys or measures
};
// `types` are the shop's event types. Empty: it can be made.
std::vector<ViewFault> faults_of(const ViewDeclaration& view, std::span<const std::string> types);

// In words that only depend on what the view means: another text, another view. Its name does not count.
std::string fingerprint(const ViewDeclaration& view, std::string_view shop_currency);

// What a fingerprint says, without a name. No value for words of another format.
std::optional<ViewDeclaration> view_of_fingerprint(std::string_view fingerprint);

// product_interest, category_conversion, shop_activity, sessions and funnel.
const std::vector<ViewDeclaration>& built_in_views();

// Where the measures of a view lie in what is counted for each key.
struct MeasureSlots {
  struct Of {
    int32_t count = -1, money = -1, set = -1, other = -1, text = -1, step = -1;
  };
  explicit MeasureSlots(const ViewDeclaration& view);
  std::vector<Of> of;  // by measure
  int32_t counts = 0, moneys = 0, sets = 0, others = 0, texts = 0, steps = 0;
  std::vector<bool> is_sketch;  // by set
};

}  // namespace pactolus
