#include "runtime/view_declaration.h"

#include <charconv>

namespace pactolus {
namespace {
constexpr const char *kView = "pactolus.view", *kCurrency = "pactolus.currency", *kFirstWindow = "pactolus.firstWindow",
                     *kBatch = "pactolus.declaredBatch";
}

ViewDeclaration ViewDeclaration::of(const ProductInterest& view) {
  return {view.fingerprint(), view.options().shop_currency, view.options().first_window};
}

ViewDeclaration ViewDeclaration::read(const TableProperties& properties) {
  const auto text = [&](const char* name) {
    const auto found = properties.find(name);
    return found == properties.end() ? std::string() : found->second;
  };
  ViewDeclaration out{text(kView), text(kCurrency)};
  const std::string first = text(kFirstWindow);
  std::from_chars(first.data(), first.data() + first.size(), out.first_window);
  const std::string batch = text(kBatch);
  std::from_chars(batch.data(), batch.data() + batch.size(), out.batch);
  return out;
}

void ViewDeclaration::write(TableProperties& properties) const {
  properties[kView] = fingerprint;
  properties[kCurrency] = currency;
  properties[kBatch] = std::to_string(batch);
  if (first_window == kNoTime)
    properties.erase(kFirstWindow);
  else
    properties[kFirstWindow] = std::to_string(first_window);
}

}  // namespace pactolus
