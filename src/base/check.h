// Broken invariants stop the process, with both operands in the message. Never for input: that is data or an Error.
#pragma once

#include <fmt/core.h>

#include <string>

namespace pactolus {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& detail);
}

#define PACTOLUS_CHECK(condition, ...)                                                                     \
  do {                                                                                                     \
    if (!(condition)) [[unlikely]]                                                                         \
      ::pactolus::check_failed(__FILE__, __LINE__, #condition, std::string("") __VA_OPT__(+) __VA_ARGS__); \
  } while (0)

#define PACTOLUS_CHECK_OP_(a, op, b)                                                                                   \
  do {                                                                                                                 \
    const auto& check_a = (a);                                                                                         \
    const auto& check_b = (b);                                                                                         \
    if (!(check_a op check_b)) [[unlikely]]                                                                            \
      ::pactolus::check_failed(__FILE__, __LINE__, #a " " #op " " #b, fmt::format("{} against {}", check_a, check_b)); \
  } while (0)

#define PACTOLUS_CHECK_EQ(a, b) PACTOLUS_CHECK_OP_(a, ==, b)
#define PACTOLUS_CHECK_LE(a, b) PACTOLUS_CHECK_OP_(a, <=, b)
#define PACTOLUS_CHECK_LT(a, b) PACTOLUS_CHECK_OP_(a, <, b)
#define PACTOLUS_CHECK_GE(a, b) PACTOLUS_CHECK_OP_(a, >=, b)
