#include "base/fault.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace pactolus::fault {
namespace {
struct Plan {
  std::string point;
  long countdown = 1;
  int signal = SIGKILL;
};
Plan read_plan() {
  Plan plan;
  const char* text = std::getenv("PACTOLUS_FAULT");
  if (!text) return plan;
  std::string_view rest = text;
  const size_t colon = rest.find(':');
  plan.point = rest.substr(0, colon);
  if (colon != rest.npos) {
    rest.remove_prefix(colon + 1);
    plan.countdown = std::strtol(rest.data(), nullptr, 10);
    if (rest.ends_with(":stop")) plan.signal = SIGSTOP;
  }
  return plan;
}
Plan plan = read_plan();
std::atomic<long> left{plan.countdown};
}  // namespace

bool armed = !plan.point.empty();

void reached(const char* name) {
  if (plan.point != "*" && plan.point != name) return;
  if (left.fetch_sub(1) == 1) std::raise(plan.signal);
}

}  // namespace pactolus::fault
