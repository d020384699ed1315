// Named places where a test ends or pauses the real process. Inert unless PACTOLUS_FAULT names a point:
//   PACTOLUS_FAULT=silver.linked          kill -9 the first time the point is reached
//   PACTOLUS_FAULT=silver.linked:3        the third time
//   PACTOLUS_FAULT=silver.linked:3:stop   SIGSTOP instead, so that a successor can take over before it wakes
//   PACTOLUS_FAULT=*:250                  kill -9 at the 250th point reached, whichever it is
#pragma once

namespace pactolus {
namespace fault {
extern bool armed;  // read once from the environment before main
void reached(const char* name);
}  // namespace fault

inline void fault_point(const char* name) {
  if (fault::armed) [[unlikely]]
    fault::reached(name);
}
}  // namespace pactolus
