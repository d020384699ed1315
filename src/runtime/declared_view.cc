#include "runtime/declared_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"

namespace pactolus {
namespace {
constexpr const char *kView = "pactolus.view", *kCurrency = "pactolus.currency", *kFirstWindow = "pactolus.firstWindow",
                     *kBatch = "pactolus.declaredBatch";

// The only view of releases before 0.2 that had any; what it measured is what product_interest measures.
std::string old_words(const WindowShape& shape, std::string_view currency) {
  return fmt::format(
      "product_interest/1 key=product_id size={}us slide={}us currency={} "
      "measures=views,carts,purchases,revenue,refunds,revenue_other,viewers(xxh3-64,exact<=512,hll12)",
      shape.size, shape.slide, currency);
}

}  // namespace

DeclaredView DeclaredView::of(const GoldView& view) {
  return {view.fingerprint(), view.options().shop_currency, view.options().first_window};
}

DeclaredView DeclaredView::read(const TableProperties& properties) {
  const auto text = [&](const char* name) {
    const auto found = properties.find(name);
    return found == properties.end() ? std::string() : found->second;
  };
  DeclaredView out{text(kView), text(kCurrency)};
  const std::string first = text(kFirstWindow);
  std::from_chars(first.data(), first.data() + first.size(), out.first_window);
  const std::string batch = text(kBatch);
  std::from_chars(batch.data(), batch.data() + batch.size(), out.batch);
  return out;
}

void DeclaredView::write(TableProperties& properties) const {
  properties[kView] = fingerprint;
  properties[kCurrency] = currency;
  properties[kBatch] = std::to_string(batch);
  if (first_window == kNoTime)
    properties.erase(kFirstWindow);
  else
    properties[kFirstWindow] = std::to_string(first_window);
}

void DeclaredView::replace(const delta::Snapshot& table, int64_t last) {
  batch = 0;
  for (const auto& [path, file] : table.files()) {
    const auto stats = Json::parse(file.stats);
    const bool known = stats && (*stats)["maxValues"]["basis"].is_string();
    if (known && (*stats)["minValues"]["basis"].as_string() == name_of(ViewBasis::stream))
      continue;  // no row is rebuilt
    batch = std::max(batch, stats ? (*stats)["maxValues"]["batch_id"].as_int(last) : last);
  }
}

bool DeclaredView::is_of(const GoldView& view) const {
  return fingerprint == view.fingerprint() ||
         (view.declaration() == built_in_views().front() &&
          fingerprint == old_words(view.declaration().shape, view.options().shop_currency));
}

std::optional<ViewDeclaration> DeclaredView::declaration(std::string name) const {
  const ViewDeclaration& interest = built_in_views().front();
  if (name == interest.name && (fingerprint.empty() || fingerprint == old_words(interest.shape, currency)))
    return interest;
  auto view = view_of_fingerprint(fingerprint);
  if (view) view->name = std::move(name);
  return view;
}

}  // namespace pactolus
