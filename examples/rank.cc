// Ranks the videos whose ids come on standard input, with gRPC's own C++ client.
//
//   rank HOST:PORT [USER] [LOCALE] [--tls-ca FILE [--tls-cert FILE --tls-key FILE]]
//       [--token-file FILE] < IDS
//
// Needs Debian's g++, pkg-config, libgrpc++-dev, libprotobuf-dev, protobuf-compiler and
// protobuf-compiler-grpc. To build it, at the root of the sources:
//
//   mkdir -p build
//   protoc -I proto --cpp_out=build --grpc_out=build --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin \
//       reelrank/v1/ranking.proto
//   g++ -std=c++17 -Ibuild examples/rank.cc build/reelrank/v1/*.cc \
//       $(pkg-config --cflags --libs grpc++ protobuf) -o build/rank
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reelrank/v1/ranking.grpc.pb.h"

namespace {

struct Arguments {
    std::vector<std::string> words;
    std::map<std::string, std::string> options;
};

Arguments ParseArguments(int argc, char **argv)
{
    Arguments arguments;
    for (int i = 1; i < argc; i++) {
        std::string word = argv[i];
        if (word.rfind("--", 0) == 0 && i + 1 < argc) {
            arguments.options[word] = argv[++i];
        } else {
            arguments.words.push_back(word);
        }
    }
    return arguments;
}

// The file that an option names; empty without the option.
std::string ReadIfNamed(const Arguments &arguments, const std::string &option)
{
    auto found = arguments.options.find(option);
    if (found == arguments.options.end()) {
        return "";
    }
    std::ifstream file(found->second, std::ios::binary);
    if (!file) {
        std::cerr << "rank: cannot read " << found->second << "\n";
        std::exit(2);
    }
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// With TLS when a CA is given; its certificate must be for the host of the address.
std::shared_ptr<grpc::ChannelCredentials> Credentials(const Arguments &arguments)
{
    if (arguments.options.count("--tls-ca") == 0) {
        return grpc::InsecureChannelCredentials();
    }
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadIfNamed(arguments, "--tls-ca");
    options.pem_private_key = ReadIfNamed(arguments, "--tls-key");
    options.pem_cert_chain = ReadIfNamed(arguments, "--tls-cert");
    return grpc::SslCredentials(options);
}

// What each call shows.
void AddToken(const Arguments &arguments, grpc::ClientContext *context)
{
    std::string token = ReadIfNamed(arguments, "--token-file");
    token.erase(token.find_last_not_of(" \r\n") + 1);
    if (!token.empty()) {
        context->AddMetadata("authorization", "Bearer " + token);
    }
}

reelrank::v1::RankRequest MakeRequest(const Arguments &arguments)
{
    reelrank::v1::RankRequest request;
    request.set_user_id(arguments.words.size() > 1 ? arguments.words[1] : "user-hi");
    request.set_locale(arguments.words.size() > 2 ? arguments.words[2] : "hi-IN");
    request.set_age_years(25);
    for (std::string id; std::getline(std::cin, id);) {
        if (!id.empty()) {
            request.add_candidate_ids(id);
        }
    }
    return request;
}

void Print(const reelrank::v1::RankResponse &response)
{
    for (const auto &video : response.slate()) {
        std::printf("%3u %9.4f  %s\n", video.position(), video.score(), video.video_id().c_str());
    }
    for (const auto &video : response.dropped()) {
        std::printf("  - %15s  %s\n", video.rule().c_str(), video.video_id().c_str());
    }
    std::printf("state %llu, weights %s\n",
                static_cast<unsigned long long>(response.state_sequence()),
                response.weights_version().c_str());
}

} // namespace

int main(int argc, char **argv)
{
    Arguments arguments = ParseArguments(argc, argv);
    if (arguments.words.empty()) {
        std::cerr << "usage: rank HOST:PORT [USER] [LOCALE] [--tls-ca FILE] [--token-file FILE] < IDS\n";
        return 2;
    }
    auto channel = grpc::CreateChannel(arguments.words[0], Credentials(arguments));
    auto stub = reelrank::v1::RankingService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    AddToken(arguments, &context);
    reelrank::v1::RankResponse response;
    grpc::Status status = stub->Rank(&context, MakeRequest(arguments), &response);
    if (!status.ok()) {
        std::cerr << "rank: code " << status.error_code() << ": " << status.error_message() << "\n";
        return 1;
    }
    Print(response);
    return 0;
}
