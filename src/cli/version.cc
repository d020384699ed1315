// `pactolus version`: what this program is made of. The build passes versions in (CMakeLists.txt), so that asking for
// them needs none of the libraries.
#include <fmt/format.h>

#include "base/json.h"
#include "cli/build_commit.h"
#include "cli/command.h"

namespace pactolus {
namespace {

struct Library {
  std::string_view name, version;
};
constexpr Library kLibraries[] = {PACTOLUS_LIBRARIES};

class VersionCommand final : public Command {
  CommandInfo info() const override {
    return {"version", Group::setup, "version, compiler and libraries", "pactolus version --json",
            ConfigUse::tolerated};
  }

  void declare(Flags&) override {}

  Result<int> run(Session& session) override {
    if (session.globals.json) {
      Json libraries = Json::object(), out = Json::object();
      for (const Library& library : kLibraries) libraries.set(std::string(library.name), library.version);
      out.set("name", "pactolus")
          .set("version", PACTOLUS_VERSION)
          .set("commit", commit.empty() ? Json() : Json(commit));
      out.set("build", PACTOLUS_BUILD_TYPE).set("compiler", PACTOLUS_COMPILER).set("target", PACTOLUS_TARGET);
      out.set("libraries", std::move(libraries));
      session.out << out.dump() << "\n";
      return kExitOk;
    }
    session.out << fmt::format("pactolus {}{}\n", PACTOLUS_VERSION, commit.empty() ? "" : fmt::format(" ({})", commit));
    session.out << fmt::format("{} build for {} by {}\n", PACTOLUS_BUILD_TYPE, PACTOLUS_TARGET, PACTOLUS_COMPILER);
    std::string list;
    for (const Library& library : kLibraries)
      list += fmt::format("{}{} {}", list.empty() ? "" : ", ", library.name, library.version);
    session.out << list << "\n";
    return kExitOk;
  }

  const std::string_view commit = build_commit();
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<VersionCommand>(); }

}  // namespace pactolus
