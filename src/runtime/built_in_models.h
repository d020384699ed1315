// The files of models/, which the build puts into the program (built_in_models.cmake).
#pragma once

#include <span>
#include <string_view>

namespace pactolus {

struct BuiltInModel {
  std::string_view name, sql;
};
std::span<const BuiltInModel> built_in_models();

}  // namespace pactolus
