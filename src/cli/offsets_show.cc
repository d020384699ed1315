// `pactolus offsets show`: how far the live topic has been read, what waits in it, and what it has lost.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/target.h"
#include "ingest/ingest_topic.h"
#include "runtime/losses.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

class OffsetsShow final : public Command {
 public:
  CommandInfo info() const override {
    return {"offsets show", Group::trust, "how far the topic has been read, what waits, what is lost",
            "pactolus offsets show --from kafka://localhost:9092/ecom_clickstream_raw"};
  }
  void declare(Flags& flags) override { declare_from(flags); }

  Result<int> run(Session& session) override {
    const Config& config = session.config;
    TRY(check_lake({config.lake}));
    delta::Snapshot silver = TRY(load_silver({config.lake}));
    const bool embedded = config.bronze.from == BronzeFrom::embedded;
    if (embedded && !TRY(live_topic_exists(config)))  // nothing is made by looking
      return fail(ErrorCode::not_found, fmt::format("there is no topic {} in {}", config.kafka.topic, config.lake));
    SystemClock clock;
    Random random = Random::from_system();
    const auto say = [&](const std::string& text) { session.say(text); };
    const auto log = TRY(open_live_topic(config, random, clock, say, kLookWait_ms));
    const TopicIdentity& topic = log->topic();
    std::vector<AcceptedLoss> losses = TRY(find_losses(silver, config.job, *log, config.run.start));
    if (!losses.empty()) {  // a job that runs may have committed what retention took since
      silver = TRY(load_silver({config.lake}));
      losses = TRY(find_losses(silver, config.job, *log, config.run.start));
    }
    const std::string id = known_topic_id(silver, config.job, topic);

    Json partitions = Json::array(), lost = Json::array();
    std::string text = paint(Paint::strong,
                             fmt::format("{:<32} {:>14} {:>14} {:>14} {:>10}", "partition", "log begins", "next offset",
                                         "log ends", "behind"),
                             session.out_terminal.colour) +
                       "\n";
    for (int32_t p = 0; p < topic.partitions; ++p) {
      const int64_t begin = TRY(log->begin(PartitionId(p))).value, end = TRY(log->end(PartitionId(p))).value;
      const auto next = silver.txn_version(offset_app_id(config.job, topic.name, id, p));
      const int64_t behind = std::max<int64_t>(0, end - std::max(begin, next.value_or(begin)));
      partitions.push(Json::object()
                          .set("partition", int64_t(p))
                          .set("begin", begin)
                          .set("next", next ? Json(*next) : Json())
                          .set("end", end)
                          .set("behind", behind));
      text += fmt::format("{:<32} {:>14} {:>14} {:>14} {:>10}\n", fmt::format("{}/{}", topic.name, p), begin,
                          next ? std::to_string(*next) : "-", end, count_text(behind));
    }
    for (const AcceptedLoss& loss : losses) {
      lost.push(to_json(loss));
      text += fmt::format("lost: {}\n", text_of(loss));
    }
    if (!losses.empty()) session.say(loss_hint(config));
    if (session.globals.json)
      session.out << Json::object()
                         .set("topic", topic.name)
                         .set("topic_id", id)
                         .set("partitions", std::move(partitions))
                         .set("losses", std::move(lost))
                         .dump()
                  << "\n";
    else
      session.out << text;
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> make_offsets_show() { return std::make_unique<OffsetsShow>(); }

}  // namespace pactolus
