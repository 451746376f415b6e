// The plain way: a C++ gRPC asynchronous server that finds each candidate in a hash table, one after the other, and
// orders them by the dot product of 12 features with fixed weights, with std::sort. No policy, no state, no journal. It
// takes Rank's own requests and answers with as many bytes as Rank does. One completion queue, one thread.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "reelrank/v1/ranking.grpc.pb.h"

extern "C" {
#include "tests/bench/dataset.h"
}

namespace {

using reelrank::v1::RankRequest;
using reelrank::v1::RankResponse;
using reelrank::v1::RankingService;

constexpr int kFeatures = 12;
constexpr int kCallsRequested = 64;

// A cache line, like what a look-up costs at least.
struct alignas(64) Record {
    uint64_t key = 0;
    float features[kFeatures] = {};
};

// Open addressing: an index of slots, and the records behind them.
class Catalogue {
public:
    explicit Catalogue(uint64_t videos) : records_(videos)
    {
        size_t slots = 1;
        while (slots < 2 * videos) {
            slots *= 2;
        }
        slots_.assign(slots, kFree);
        for (uint64_t number = 0; number < videos; number++) {
            Add(number);
        }
    }

    const Record *Find(uint64_t key) const
    {
        for (size_t i = key & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
            if (slots_[i] == kFree) {
                return nullptr;
            }
            if (records_[slots_[i]].key == key) {
                return &records_[slots_[i]];
            }
        }
    }

private:
    static constexpr uint32_t kFree = UINT32_MAX;

    void Add(uint64_t number)
    {
        char id[DATASET_ID_SIZE];
        dataset_video_id(number, id);
        Record &record = records_[number];
        record.key = XXH3_64bits(id, std::strlen(id));
        for (int i = 0; i < kFeatures; i++) {
            record.features[i] = static_cast<float>(dataset_mix(number * kFeatures + i) >> 40) * 0x1p-24F;
        }
        size_t slot = record.key & (slots_.size() - 1);
        while (slots_[slot] != kFree) {
            slot = (slot + 1) & (slots_.size() - 1);
        }
        slots_[slot] = static_cast<uint32_t>(number);
    }

    std::vector<Record> records_;
    std::vector<uint32_t> slots_;
};

float Score(const Record &record)
{
    static const float weights[kFeatures] = {3, 1, 2, 0.5F, 1, 2, 0.25F, 1, 4, 1, 0.5F, 2};
    float sum = 0;
    for (int i = 0; i < kFeatures; i++) {
        sum += weights[i] * record.features[i];
    }
    return sum;
}

class Ranker {
public:
    Ranker(uint64_t videos, size_t response_bytes) : catalogue_(videos), response_bytes_(response_bytes) {}

    grpc::Status Rank(const RankRequest &request, RankResponse *response)
    {
        bool has_ids = request.candidate_ids_size() > 0;
        int count = has_ids ? request.candidate_ids_size() : request.candidate_keys_size();
        scored_.resize(count);
        for (int i = 0; i < count; i++) {
            const Record *record = catalogue_.Find(has_ids ? Hash(request.candidate_ids(i)) : request.candidate_keys(i));
            if (record == nullptr) {
                return {grpc::StatusCode::NOT_FOUND, "a candidate is not in the catalogue"};
            }
            scored_[i] = {Score(*record), static_cast<uint32_t>(i)};
        }
        std::sort(scored_.begin(), scored_.end(), [](const auto &a, const auto &b) { return a.first > b.first; });
        response->mutable_order()->Reserve(count);
        response->mutable_score()->Reserve(count);
        for (const auto &[score, index] : scored_) {
            response->add_order(index);
            response->add_score(score);
        }
        FillUp(response);
        return grpc::Status::OK;
    }

private:
    static uint64_t Hash(const std::string &id) { return XXH3_64bits(id.data(), id.size()); }

    // With the name of the ranking, up to the bytes that Rank answers with.
    void FillUp(RankResponse *response) const
    {
        size_t size = response->ByteSizeLong() + 2;
        if (size < response_bytes_ && response_bytes_ - size < 128) {
            response->set_ranking_id(std::string(response_bytes_ - size, 'x'));
        }
    }

    Catalogue catalogue_;
    size_t response_bytes_;
    std::vector<std::pair<float, uint32_t>> scored_;
};

// One call, which asks for the next one when it comes, and deletes itself when its answer is sent.
class Call {
public:
    Call(RankingService::AsyncService *service, grpc::ServerCompletionQueue *queue, Ranker *ranker)
        : service_(service), queue_(queue), ranker_(ranker), writer_(&context_)
    {
        service_->RequestRank(&context_, &request_, &writer_, queue_, queue_, this);
    }

    void Step(bool ok)
    {
        if (!ok || finishing_) {
            delete this;
            return;
        }
        new Call(service_, queue_, ranker_);
        finishing_ = true;
        grpc::Status status = ranker_->Rank(request_, &response_);
        writer_.Finish(response_, status, this);
    }

private:
    RankingService::AsyncService *service_;
    grpc::ServerCompletionQueue *queue_;
    Ranker *ranker_;
    grpc::ServerContext context_;
    RankRequest request_;
    RankResponse response_;
    grpc::ServerAsyncResponseWriter<RankResponse> writer_;
    bool finishing_ = false;
};

void Work(RankingService::AsyncService *service, grpc::ServerCompletionQueue *queue, Ranker *ranker)
{
    for (int i = 0; i < kCallsRequested; i++) {
        new Call(service, queue, ranker);
    }
    void *tag;
    bool ok;
    while (queue->Next(&tag, &ok)) {
        static_cast<Call *>(tag)->Step(ok);
    }
}

uint64_t Option(int argc, char **argv, const std::string &name)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (argv[i] == name) {
            return std::strtoull(argv[i + 1], nullptr, 10);
        }
    }
    std::fprintf(stderr, "peer_server: usage: peer_server --videos N --response-bytes N\n");
    std::exit(1);
}

} // namespace

int main(int argc, char **argv)
{
    Ranker ranker(Option(argc, argv, "--videos"), Option(argc, argv, "--response-bytes"));
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    RankingService::AsyncService service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr) {
        std::fprintf(stderr, "peer_server: no port is free\n");
        return 1;
    }
    std::thread worker(Work, &service, queue.get(), &ranker);
    std::printf("listening on 127.0.0.1:%d\n", port);
    std::fflush(stdout);
    int received;
    sigwait(&signals, &received);
    server->Shutdown();
    queue->Shutdown();
    worker.join();
    return 0;
}
