#include "simulate/classic.h"

#include <array>

#include "base/clock.h"
#include "simulate/text_writer.h"

namespace pactolus {
namespace {

constexpr uint32_t kUsers = 500, kProducts = 100, kPlanted = 42;
constexpr uint32_t kPlantedPercent = 20;
constexpr std::array<std::string_view, 5> kCategories = {"Electronics", "Clothing", "Home & Garden", "Sports", "Books"};
constexpr std::array<std::string_view, 3> kDevices = {"mobile", "desktop", "tablet"};
constexpr uint32_t kCheapestCents = 10'00, kDearestCents = 1000'00;

class Classic final : public EventSource {
 public:
  explicit Classic(const ClassicOptions& options)
      : options_(options), times_(options.schedule), random_(options.seed), next_id_(options.first_id) {
    PACTOLUS_CHECK_GE(options.first_id, 0);
    own_ = &truth_.takings[""];
    truth_.users.reserve(kUsers + 1);
    truth_.products.reserve(kProducts + 1);
  }

  bool next_due(int64_t& send_time_us) override { return times_.peek(send_time_us); }

  bool next(GeneratedEvent& out) override {
    int64_t time;
    if (!times_.take(time)) return false;
    const bool planted = random_.below(100) < kPlantedPercent;
    uint32_t product = kPlanted;
    if (!planted) {
      product = 1 + random_.below(kProducts - 1);
      product += product >= kPlanted;
    }
    const uint32_t of_100 = random_.below(100);
    const EventKind type = of_100 < (planted ? 95u : 70u)   ? EventKind::view
                           : of_100 < (planted ? 99u : 90u) ? EventKind::add_to_cart
                                                            : EventKind::purchase;
    const uint32_t user = 1 + random_.below(kUsers);
    const uint32_t session = 1000 + random_.below(9000);
    const std::string_view category = kCategories[random_.below(kCategories.size())];
    const std::string_view device = kDevices[random_.below(kDevices.size())];
    const uint32_t cents = kCheapestCents + random_.below(kDearestCents - kCheapestCents + 1);

    TextWriter w(buffer_.data(), buffer_.size());
    w.literal("{\"event_id\":\"");
    if (options_.uuid_ids) {
      const uint64_t high = random_.next(), low = random_.next();
      w.uuid(high, low);
    } else {
      w.literal("evt_");
      w.put(options_.run);
      w.padded(next_id_++, 8);
    }
    w.literal("\",\"user_id\":\"");
    const size_t key_at = w.size();
    w.literal("user_");
    w.four(user);
    const size_t key_size = w.size() - key_at;
    w.literal("\",\"product_id\":\"prod_");
    w.four(product);
    w.literal("\",\"event_type\":\"");
    w.put(name_of(type));
    w.literal("\",\"timestamp\":\"");
    w.time(time);
    w.literal("\",\"session_id\":\"session_");
    w.four(session);
    w.literal("\",\"product_category\":\"");
    w.put(category);
    w.literal("\",\"device_type\":\"");
    w.put(device);
    w.literal("\",\"page_url\":\"/product/prod_");
    w.four(product);
    w.literal("\",\"price\":");
    w.cents(cents);
    w.literal("}");
    out = {{buffer_.data() + key_at, key_size}, w.text(), time, time, {}};
    count(type, user, product, cents, time, planted);
    return true;
  }

  const Truth& truth() const override { return truth_; }

 private:
  void count(EventKind type, uint32_t user, uint32_t product, uint32_t cents, int64_t time, bool planted) {
    ++truth_.records;
    ++truth_.events;
    ++truth_.by_type[size_t(type)];
    truth_.users.add(user);
    truth_.products.add(product);
    truth_.add_time(time);
    if (type == EventKind::purchase) own_->revenue += int64_t(cents) * (kMoneyOne / 100);
    truth_.planted_views += planted && type == EventKind::view;
    truth_.planted_purchases += planted && type == EventKind::purchase;
  }

  ClassicOptions options_;
  SendTimes times_;
  Random random_;
  int64_t next_id_;
  Truth truth_;
  Truth::Takings* own_;
  std::array<char, 1024> buffer_;  // the longest record has about 310 bytes
};

}  // namespace

std::unique_ptr<EventSource> make_classic(const ClassicOptions& options) { return std::make_unique<Classic>(options); }

}  // namespace pactolus
