// `pactolus quarantine show`: the rejected records themselves, the newest first.
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/quarantine_filter.h"
#include "event/decoder.h"

namespace pactolus {
namespace {

constexpr size_t kTextBytes = 400;  // of a record among others

class QuarantineShow final : public Command {
 public:
  CommandInfo info() const override {
    return {"quarantine show", Group::trust, "the rejected records themselves",
            "pactolus quarantine show --reason unknown_event_type --limit 3"};
  }
  void declare(Flags& flags) override {
    which_.declare(flags);
    flags.count("--limit", "N", &limit_, "newest records (10)", 1, 100'000);
    flags.toggle("--raw", &raw_, "of one record: its exact bytes, and nothing else");
    flags.argument("POSITION", &position_, "one record, as topic/partition/offset or as it is shown", false);
  }

  Result<int> run(Session& session) override {
    QuarantineFilter filter = TRY(which_.filter(SystemClock().now_us()));
    if (!position_.empty() && std::ranges::count(position_, '/') != 2)
      return fail(ErrorCode::usage, fmt::format("no position\nexpected topic/partition/offset, got \"{}\"", position_),
                  "pactolus quarantine show without one shows the positions");
    if (!position_.empty()) filter.position = position_;
    if (raw_ && position_.empty())
      return fail(ErrorCode::usage, "--raw without a record", "name it: topic/partition/offset");
    Quarantine quarantine = TRY(Quarantine::open({session.config.lake}, session.config.job));
    const auto records = TRY(quarantine.records(filter, 0, limit_, true));
    if (records.empty() && !position_.empty())
      return fail(ErrorCode::not_found, fmt::format("this record does not wait in the quarantine: {}", position_));
    if (raw_) {
      session.out << records.front().value.value_or("");
      return kExitOk;
    }
    Json list = Json::array();
    for (const QuarantinedRecord& r : records)
      if (session.globals.json)
        list.push(json_of(r));
      else
        print(session, r);
    if (session.globals.json)
      session.out << Json::object().set("records", std::move(list)).dump() << "\n";
    else if (records.empty())
      session.say(which_.given() ? "nothing of that waits in the quarantine" : "nothing waits in the quarantine");
    return kExitOk;
  }

 private:
  static Json json_of(const QuarantinedRecord& r) {
    Json out = Json::object()
                   .set("position", r.position)
                   .set("reason", r.reason)
                   .set("field", r.field)
                   .set("detail", r.detail)
                   .set("first", iso_time(r.first_us))
                   .set("last", iso_time(r.last_us))
                   .set("attempts", r.attempts)
                   .set("in_flight", r.in_flight);
    if (r.key) out.set("key", *r.key);
    if (r.value) out.set("value", key_text(*r.value));  // bytes that are no UTF-8: 0x and their digits
    return out;
  }
  void print(Session& session, const QuarantinedRecord& r) const {
    const bool colour = session.out_terminal.colour;
    session.out << paint(Paint::strong, r.position, colour) << "\n";
    session.out << fmt::format("  {}{}: {}\n", paint(Paint::warning, r.reason, colour),
                               r.field.empty() ? "" : " of " + r.field, bytes_as_text(r.detail, kTextBytes));
    session.out << fmt::format("  rejected {}", iso_time_ms(r.last_us));
    if (r.attempts > 1) session.out << fmt::format(", {} attempts since {}", r.attempts, iso_time_ms(r.first_us));
    if (r.in_flight) session.out << ", being replayed";
    if (r.key) session.out << fmt::format(", key {}", *r.key);
    session.out << fmt::format(
        "\n  {}\n", r.value ? bytes_as_text(*r.value, position_.empty() ? kTextBytes : SIZE_MAX) : "(no value)");
  }

  QuarantineFlags which_;
  std::string position_;
  int64_t limit_ = 10;
  bool raw_ = false;
};

}  // namespace

std::unique_ptr<Command> make_quarantine_show() { return std::make_unique<QuarantineShow>(); }

}  // namespace pactolus
