// `pactolus completion bash|zsh|fish`
#include "cli/command.h"
#include "cli/completion_script.h"

namespace pactolus {
namespace {

class Completion final : public Command {
  CommandInfo info() const override {
    return {"completion", Group::setup, "completion script for a shell", "source <(pactolus completion bash)",
            ConfigUse::tolerated};
  }

  void declare(Flags& flags) override {
    flags.argument("SHELL", {"bash", "zsh", "fish"}, &shell_, "bash, zsh or fish");
  }

  Result<int> run(Session& session) override {
    if (shell_ == "bash") session.out << bash_completion(session.commands);
    if (shell_ == "zsh") session.out << zsh_completion(session.commands);
    if (shell_ == "fish") session.out << fish_completion(session.commands);
    return kExitOk;
  }

  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> make_completion() { return std::make_unique<Completion>(); }

}  // namespace pactolus
