#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ingest/dialect.h"

namespace pactolus {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Dialect> (*make)();
};
constexpr Entry kDialects[] = {
    {"native", make_native},
    {"rees46", make_rees46},
    {"online-retail", make_online_retail},
};

}  // namespace

std::vector<std::string> dialect_names() {
  std::vector<std::string> names;
  for (const Entry& d : kDialects) names.emplace_back(d.name);
  return names;
}

Result<std::unique_ptr<Dialect>> make_dialect(std::string_view name) {
  for (const Entry& d : kDialects)
    if (d.name == name) return d.make();
  return fail(ErrorCode::usage,
              fmt::format("no such dialect\nexpected {}, got \"{}\"", fmt::join(dialect_names(), ", "), name));
}

}  // namespace pactolus
