// A subcommand, as the frame sees it. To add one: a file of its own with a class and its maker, and one line in
// commands.cc.
//
//   class Verify final : public Command {
//     CommandInfo info() const override { return {"verify", Group::trust, "prove the ledger, check the data", "…"}; }
//     void declare(Flags& flags) override { flags.toggle("--junit", &junit_, "…"); }
//     Result<int> run(Session& session) override;
//   };
//   std::unique_ptr<Command> make_verify() { return std::make_unique<Verify>(); }
//
// Life cycle: made at start, declare() once, run() at most once, on the main thread. Errors are returned, and printed
// by the frame; the exit code is the returned number, or follows from the error (error_report.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/config_file.h"
#include "cli/error_report.h"
#include "cli/flags.h"
#include "cli/stop_signal.h"
#include "cli/terminal.h"

namespace pactolus {

class CommandTable;

// Headings of the list of commands, in its order.
enum class Group : uint8_t { start, data_in, pipeline, look, trust, setup };

// When the frame finds mistakes in the configuration: `needed` stops before run(), `tolerated` leaves them to run().
enum class ConfigUse : uint8_t { needed, tolerated };

struct CommandInfo {
  std::string name;  // "verify", or "config show": the second word of a family
  Group group = Group::setup;
  std::string summary;  // one line, small letter, no full stop
  std::string example;  // a line to copy, "pactolus …"
  ConfigUse config = ConfigUse::needed;
};

// Flags of every command, in any position.
struct GlobalFlags {
  std::string config;  // empty: not given
  bool json = false, quiet = false, no_color = false, help = false, version = false;
};

// What a command is given to work with. Borrowed by run().
struct Session {
  const Config& config;          // put together from everything, flags included
  const LoadedConfig& loaded;    // with origins and errors
  const ConfigSources& sources;  // what it was put together from
  const GlobalFlags& globals;
  const CommandTable& commands;
  Output& out;  // data; flushed by the frame
  Terminal out_terminal, message_terminal;
  StopSignal& stop;

  // A message for people on stderr, with a newline added; nothing under --quiet.
  void say(std::string_view line) const;
};

class Command {
 public:
  virtual ~Command() = default;
  virtual CommandInfo info() const = 0;
  virtual void declare(Flags& flags) = 0;
  virtual Result<int> run(Session& session) = 0;
};

}  // namespace pactolus
