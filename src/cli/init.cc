// `pactolus init`: a commented pactolus.toml to start from.
#include "base/file.h"
#include "cli/command.h"

namespace pactolus {
namespace {

class Init final : public Command {
  CommandInfo info() const override {
    return {"init", Group::start, "write a commented pactolus.toml into this folder",
            "pactolus init && pactolus config show", ConfigUse::tolerated};
  }

  void declare(Flags&) override {}

  Result<int> run(Session& session) override {
    const fs::path path = session.sources.folder / "pactolus.toml";
    const PutOutcome outcome = TRY(put_if_absent(path, config_template()));
    if (outcome == PutOutcome::exists) {
      return std::unexpected(Error{ErrorCode::usage,
                                   "pactolus.toml is already here, and stays as it is",
                                   "move it away first, or compare it with `pactolus config show`",
                                   {}});
    }
    session.say("wrote pactolus.toml: every key with its default; `pactolus config check` finds mistakes in it");
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> make_init() { return std::make_unique<Init>(); }

}  // namespace pactolus
