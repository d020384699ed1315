// power_loss_tool JOURNAL: puts the disk into the state that a power loss at the end of the journal may leave, and says
// how many changes that took. The journal is what a program wrote under PACTOLUS_DISK_JOURNAL (base/file.h).
#include <cstdio>

#include "base/file.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: power_loss_tool JOURNAL\n", stderr);
    return 2;
  }
  const auto undone = pactolus::forget_unsynced(argv[1]);
  if (!undone) {
    std::fprintf(stderr, "error: %s\n", undone.error().message.c_str());
    return 3;
  }
  std::printf("%lld\n", static_cast<long long>(*undone));
  return 0;
}
