// Which commit this program was built from. Its source is made anew by each build (write_commit.cmake).
#pragma once

#include <string_view>

namespace pactolus {

std::string_view build_commit() noexcept;  // "1a2b3c4d5e6f", with "+" when files differed from it; empty when not known

}  // namespace pactolus
