// Rules for texts in the configuration, as TextSlot wants them: each answers what was expected, or nothing when the
// text is right. `similar` receives words that the writer may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pactolus {

std::string refuse_empty(std::string_view text, std::vector<std::string>& similar);
std::string refuse_nothing(std::string_view text, std::vector<std::string>& similar);  // but a NUL
std::string refuse_postgres(std::string_view text, std::vector<std::string>& similar);
std::string refuse_schema(std::string_view text, std::vector<std::string>& similar);
std::string refuse_job(std::string_view text, std::vector<std::string>& similar);
std::string refuse_currency(std::string_view text, std::vector<std::string>& similar);
// Names are looked up in the system's zone folder where it has one; without it only their form is judged.
std::string refuse_time_zone(std::string_view text, std::vector<std::string>& similar);
std::string refuse_brokers(std::string_view text, std::vector<std::string>& similar);
std::string refuse_topic(std::string_view text, std::vector<std::string>& similar);
bool is_event_type_name(std::string_view text) noexcept;

// "kafka://HOST:PORT[,HOST:PORT…]/TOPIC".
struct KafkaAddress {
  std::string bootstrap, topic;
};
std::optional<KafkaAddress> parse_kafka_address(std::string_view text);

}  // namespace pactolus
